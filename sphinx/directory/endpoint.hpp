// Where a relay listens. A literal address: no name is ever resolved for a link.
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

/// "192.0.2.1:9001" or "[2001:db8::1]:9001".
std::string to_text(const Endpoint& endpoint);

/// Strict: the one text that to_text() gives for it. Port 0 passes here (a listener that takes any
/// free port); who dials refuses it. An IPv4 address inside an IPv6 one does not pass.
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace nightjar::directory
