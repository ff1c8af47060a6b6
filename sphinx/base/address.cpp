#include "sphinx/base/address.hpp"

#include <algorithm>
#include <array>

namespace nightjar::base {

namespace {

struct Range4 {
    std::uint32_t first;
    int bits;
};

// https://www.iana.org/assignments/iana-ipv4-special-registry, plus multicast.
constexpr std::array ranges4{
    Range4{0x00000000, 8},   // this network
    Range4{0x0a000000, 8},   // private
    Range4{0x64400000, 10},  // shared (carrier NAT)
    Range4{0x7f000000, 8},   // loopback
    Range4{0xa9fe0000, 16},  // link-local, metadata services
    Range4{0xac100000, 12},  // private
    Range4{0xc0000000, 24},  // protocol assignments
    Range4{0xc0000200, 24},  // documentation
    Range4{0xc0586300, 24},  // former 6to4 relays
    Range4{0xc0a80000, 16},  // private
    Range4{0xc6120000, 15},  // benchmarks
    Range4{0xc6336400, 24},  // documentation
    Range4{0xcb007100, 24},  // documentation
    Range4{0xe0000000, 3},   // multicast, reserved, broadcast
};

bool starts_with(const ByteArray<16>& address, std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), address.begin());
}

ByteArray<4> four_at(const ByteArray<16>& address, std::size_t offset) {
    return {address[offset], address[offset + 1], address[offset + 2], address[offset + 3]};
}

bool is_public(const ByteArray<4>& ipv4) {
    const std::uint32_t value = std::uint32_t{ipv4[0]} << 24 | std::uint32_t{ipv4[1]} << 16 |
                                std::uint32_t{ipv4[2]} << 8 | ipv4[3];
    return std::none_of(ranges4.begin(), ranges4.end(), [value](const Range4& range) {
        return (value ^ range.first) >> (32 - range.bits) == 0;
    });
}

bool is_public(const ByteArray<16>& ipv6) {
    // Contained IPv4: mapped, NAT64 and 6to4 addresses reach the inner address.
    if (starts_with(ipv6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||
        starts_with(ipv6, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
        return is_public(four_at(ipv6, 12));
    }
    if (starts_with(ipv6, {0x20, 0x02})) return is_public(four_at(ipv6, 2));
    // Only 2000::/3 is assigned to global unicast. This excludes ::, ::1, compatible addresses,
    // local NAT64, the discard prefix, unique-local, link-local, site-local and multicast.
    if ((ipv6[0] & 0xe0) != 0x20) return false;
    const bool special =
        starts_with(ipv6, {0x20, 0x01, 0x0d, 0xb8}) ||                 // documentation
        (starts_with(ipv6, {0x3f, 0xff}) && (ipv6[2] & 0xf0) == 0) ||  // documentation
        (starts_with(ipv6, {0x20, 0x01}) && (ipv6[2] & 0xfe) == 0);    // 2001::/23: Teredo etc.
    return !special;
}

}  // namespace

bool is_public(const IpAddress& address) {
    return address.v6 ? is_public(address.bytes) : is_public(four_at(address.bytes, 0));
}

Literal literal(const IpAddress& address) {
    return {address.to_text(), is_public(address)};
}

std::optional<Literal> parse_literal(std::string_view text) {
    const auto address = IpAddress::parse(text);
    if (!address) return std::nullopt;
    return literal(*address);
}

}  // namespace nightjar::base
