// Decides which literal IP addresses are part of the public internet. The client refuses all other
// addresses before it sends anything; an exit refuses them again after it has resolved a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/ip.hpp"

namespace nightjar::base {

/// Returns false for every address that is not globally reachable unicast: private, shared,
/// loopback, link-local, multicast, documentation and reserved ranges (IANA special-purpose
/// registries). An IPv6 address that contains an IPv4 one (mapped, compatible, 6to4, NAT64) is
/// judged by the IPv4 address.
bool is_public(const IpAddress& address);

/// A literal address in its canonical spelling, and whether it is public.
struct Literal {
    std::string text;
    bool is_public = false;
};
Literal literal(const IpAddress& address);

/// As IpAddress::parse().
std::optional<Literal> parse_literal(std::string_view text);

}  // namespace nightjar::base
