// Asks an exit's name servers for a name that cannot exist. A server that has an address for it
// answers for names that are not its own: it would send an exit's users to a machine of its choice.
// Blocks the thread until all servers have answered, for at most 5 s for each server.
#pragma once

#include <vector>

#include "relay/doctor/finding.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::relay::doctor {

/// A random name below .invalid, which no one can register (RFC 6761, section 6.4).
std::string impossible_name(base::Random& random);

/// Two findings: `dns`, whether the servers answer and where they are; `dns_hijack`. `servers`:
/// empty for the system's. Throws std::runtime_error if c-ares does not start.
Findings name_servers(const std::vector<base::IpEndpoint>& servers, base::Random& random);

}  // namespace nightjar::relay::doctor
