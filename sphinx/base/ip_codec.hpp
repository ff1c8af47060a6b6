// An IP address in messages between processes of one program: a byte, 4 or 6, and the address's
// 4 or 16 bytes. Pure; any thread.
#pragma once

#include <optional>

#include "sphinx/base/codec.hpp"
#include "sphinx/base/ip.hpp"

namespace nightjar::base {

inline std::size_t address_size(bool is_v6) {
    return is_v6 ? 16 : 4;
}

inline std::uint8_t family_code(bool is_v6) {
    return is_v6 ? 6 : 4;
}

/// True for IPv6. nullopt for a byte that is neither code.
inline std::optional<bool> read_family(Reader& in) {
    const auto code = in.u8();
    if (code != family_code(false) && code != family_code(true)) return std::nullopt;
    return code == family_code(true);
}

/// Without the byte before it.
inline void write_address_bytes(Writer& out, const IpAddress& address) {
    out.bytes(ByteView{address.bytes}.first(address_size(address.v6)));
}

inline IpAddress read_address_bytes(Reader& in, bool is_v6) {
    IpAddress address;
    address.v6 = is_v6;
    in.into(ByteSpan{address.bytes}.first(address_size(is_v6)));
    return address;
}

inline void write_address(Writer& out, const IpAddress& address) {
    out.u8(family_code(address.v6));
    write_address_bytes(out, address);
}

inline std::optional<IpAddress> read_address(Reader& in) {
    const auto is_v6 = read_family(in);
    if (!is_v6) return std::nullopt;
    return read_address_bytes(in, *is_v6);
}

}  // namespace nightjar::base
