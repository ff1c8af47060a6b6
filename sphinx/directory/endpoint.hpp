// An address where a relay listens. It is a literal IP address: links never need name resolution.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nightjar::directory {

struct Endpoint {
    std::string host;  // a literal IPv4 or IPv6 address in its canonical form (RFC 5952)
    std::uint16_t port = 0;
    auto operator<=>(const Endpoint&) const = default;
};

/// The text form, "192.0.2.1:9001" or "[2001:db8::1]:9001".
std::string to_text(const Endpoint& endpoint);

/// Strict: accepts only the text that to_text() would return. Accepts port 0 (a listener on any
/// free port); code that dials must reject it. Rejects an IPv4 address inside an IPv6 one.
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace nightjar::directory
