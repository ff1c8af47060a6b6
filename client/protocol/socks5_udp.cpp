#include "client/protocol/socks5_udp.hpp"

namespace nightjar::client::protocol::socks5 {

namespace {

constexpr std::size_t address_at = 4;  // behind two reserved bytes, FRAG and the address's type
constexpr std::uint8_t type_ipv4 = 1, type_name = 3, type_ipv6 = 4;
constexpr std::uint16_t dns_port = 53;

/// The length of an address of this type whose first byte is `first`; 0 for an unknown type.
std::size_t address_length(std::uint8_t type, std::uint8_t first) {
    switch (type) {
        case type_ipv4:
            return 4;
        case type_ipv6:
            return 16;
        case type_name:
            return std::size_t{1} + first;
        default:
            return 0;
    }
}

}  // namespace

std::optional<Datagram> read_datagram(base::ByteView bytes) {
    if (bytes.size() <= address_at || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 0)
        return std::nullopt;
    const auto length = address_length(bytes[3], bytes[address_at]);
    const std::size_t header = address_at + length + 2;
    if (length == 0 || bytes.size() < header) return std::nullopt;
    const int port = bytes[header - 2] << 8 | bytes[header - 1];
    if (port != dns_port) return std::nullopt;
    return Datagram{bytes.first(header), bytes.subspan(header)};
}

base::Bytes association_bytes(const base::IpEndpoint& at) {
    base::Bytes bytes{5, 0, 0, at.address.v6 ? type_ipv6 : type_ipv4};
    bytes.insert(bytes.end(), at.address.bytes.begin(),
                 at.address.bytes.begin() + at.address.bits() / 8);
    bytes.insert(bytes.end(),
                 {static_cast<std::uint8_t>(at.port >> 8), static_cast<std::uint8_t>(at.port)});
    return bytes;
}

}  // namespace nightjar::client::protocol::socks5
