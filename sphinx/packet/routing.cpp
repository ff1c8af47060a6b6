#include "sphinx/packet/routing.hpp"

#include <cassert>

#include "sphinx/base/codec.hpp"

namespace nightjar::packet {

namespace {

constexpr std::uint8_t forward_flag = 1;
constexpr std::uint8_t final_flag = 2;

void write_version(base::Writer& writer, Version version) {
    writer.u8(0);
    writer.u16(static_cast<std::uint16_t>(version));
}

bool read_version(base::Reader& reader) {
    const bool first_is_zero = reader.u8() == 0;
    const auto number = reader.u16();
    return first_is_zero && (number == static_cast<std::uint16_t>(Version::v259) ||
                             number == static_cast<std::uint16_t>(Version::v260));
}

}  // namespace

void write_forward_block(std::span<std::uint8_t, routing_slot_size> out, Version version,
                         const base::NodeId& next, std::uint64_t delay_ns,
                         base::ByteView next_gamma) {
    base::Writer writer{out};
    writer.u8(forward_flag);
    write_version(writer, version);
    writer.bytes(next.bytes);
    writer.u64(delay_ns);
    writer.bytes(next_gamma);
    assert(writer.ok() && writer.remaining() == 0);
}

void write_final_block(base::ByteSpan out, Version version, const base::Destination& destination,
                       const base::SurbId& identifier, base::ByteView padding) {
    base::Writer writer{out};
    writer.u8(final_flag);
    write_version(writer, version);
    writer.bytes(destination.bytes);
    writer.bytes(identifier.bytes);
    writer.bytes(padding.first(writer.remaining()));
    assert(writer.ok() && writer.remaining() == 0);
}

base::Result<std::variant<Forward, Final>, Error> read_block(
    std::span<const std::uint8_t, beta_size> block) {
    base::Reader reader{block};
    const auto flag = reader.u8();
    if (flag != forward_flag && flag != final_flag) return base::Fail{Error::bad_flag};
    if (!read_version(reader)) return base::Fail{Error::bad_version};
    if (flag == forward_flag) {
        Forward forward;
        reader.into(forward.next.bytes);
        forward.delay_ns = reader.u64();
        return std::variant<Forward, Final>{forward};
    }
    Final final_hop;
    reader.into(final_hop.destination.bytes);
    reader.into(final_hop.identifier.bytes);
    return std::variant<Forward, Final>{final_hop};
}

}  // namespace nightjar::packet
