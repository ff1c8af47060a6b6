#include "sphinx/base/ip.hpp"

#include <arpa/inet.h>

#include <cassert>

namespace nightjar::base {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    // inet_pton needs a NUL-terminated string, and an embedded NUL would hide the rest of the text.
    if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated{text};
    IpAddress address;
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) return address;
    address.v6 = true;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

std::string IpAddress::to_text() const {
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
    return text;
}

bool IpAddress::is_loopback() const {
    static const IpNetwork v4{{false, {127}}, 8};
    static const IpNetwork v6_one{{true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, 128};
    return v4.contains(*this) || v6_one.contains(*this);
}

bool IpNetwork::contains(const IpAddress& other) const {
    assert(prefix >= 0 && prefix <= address.bits());
    if (address.v6 != other.v6) return false;
    const auto whole = static_cast<std::size_t>(prefix / 8);
    for (std::size_t i = 0; i < whole; ++i)
        if (address.bytes[i] != other.bytes[i]) return false;
    const int rest = prefix % 8;
    if (rest == 0) return true;
    const int mask = 0xff << (8 - rest) & 0xff;
    return ((address.bytes[whole] ^ other.bytes[whole]) & mask) == 0;
}

}  // namespace nightjar::base
