// An IP address as a value: what policies decide on, without a socket library.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/bytes.hpp"

namespace nightjar::relay {

/// IPv4: the first 4 bytes count, the rest is zero.
struct IpAddress {
    bool v6 = false;
    base::ByteArray<16> bytes{};

    /// Dotted quad or RFC 4291 text, nothing looser: no zone, no short or octal IPv4.
    static std::optional<IpAddress> parse(std::string_view text);
    std::string to_text() const;

    int bits() const { return v6 ? 128 : 32; }
    bool is_loopback() const;  // 127.0.0.0/8 or ::1
    auto operator<=>(const IpAddress&) const = default;
};

/// All addresses that share the first `prefix` bits.
struct IpNetwork {
    IpAddress address;
    int prefix = 0;  // 0 to address.bits()

    bool contains(const IpAddress& other) const;
    auto operator<=>(const IpNetwork&) const = default;
};

}  // namespace nightjar::relay
