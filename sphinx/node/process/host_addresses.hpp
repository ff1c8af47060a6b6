// The addresses of this machine's own names, as the system's resolver knows them (the hosts file,
// then the name servers of /etc/resolv.conf).
#pragma once

#include <string>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/result.hpp"

namespace nightjar::node::process {

/// The addresses of `host`, sorted, each once, and at least one; else why there is none. The
/// resolver is asked once in the life of the process: later calls do not wait, and work in the
/// sandbox. The first call waits for the name servers, some seconds if they are silent. It parses
/// their answers, so call it before a key is read, and then ask_for_no_other_host(). Any thread.
base::Result<std::vector<base::IpAddress>, std::string> host_addresses(const std::string& host);

/// From now on host_addresses() finds only what it remembers. Any thread.
void ask_for_no_other_host();

}  // namespace nightjar::node::process
