// Decides which literal IP addresses are part of the public internet. The client refuses all other
// addresses before it sends anything; an exit refuses them again after it has resolved a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// Returns false for every address that is not globally reachable unicast: private, shared,
/// loopback, link-local, multicast, documentation and reserved ranges (IANA special-purpose
/// registries). An IPv6 address that contains an IPv4 one (mapped, compatible, 6to4, NAT64) is
/// judged by the IPv4 address.
bool is_public(const ByteArray<4>& ipv4);
bool is_public(const ByteArray<16>& ipv6);

/// A literal address in its canonical spelling, and whether it is public.
struct Literal {
    std::string text;
    bool is_public = false;
};
Literal literal(const ByteArray<4>& ipv4);
Literal literal(const ByteArray<16>& ipv6);

/// Parses dotted quad or colon notation; no zone, no brackets, no octal, hexadecimal or short
/// forms. Returns nullopt if the text is not a literal.
std::optional<Literal> parse_literal(std::string_view text);

}  // namespace nightjar::base
