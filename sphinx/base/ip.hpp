// An IP address as a value, so that policies need no socket library.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// An IPv4 address uses the first 4 bytes; the others are zero.
struct IpAddress {
    bool v6 = false;
    base::ByteArray<16> bytes{};

    /// The one parser of literal addresses. Takes a dotted quad or RFC 4291 text, and nothing
    /// looser: no zone, no brackets, no short, octal or hexadecimal IPv4.
    static std::optional<IpAddress> parse(std::string_view text);
    std::string to_text() const;

    int bits() const { return v6 ? 128 : 32; }
    bool is_loopback() const;  // 127.0.0.0/8 or ::1
    auto operator<=>(const IpAddress&) const = default;
};

/// All addresses whose first `prefix` bits are those of `address`.
struct IpNetwork {
    IpAddress address;
    int prefix = 0;  // 0 to address.bits()

    bool contains(const IpAddress& other) const;
    auto operator<=>(const IpNetwork&) const = default;
};

struct IpEndpoint {
    IpAddress address;
    std::uint16_t port = 0;
    auto operator<=>(const IpEndpoint&) const = default;
};

}  // namespace nightjar::base
