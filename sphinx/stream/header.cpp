#include "sphinx/stream/header.hpp"

#include <algorithm>
#include <cassert>

#include "sphinx/base/codec.hpp"
#include "sphinx/stream/beat.hpp"

namespace nightjar::stream {

namespace {

// Bit i of the window is bit i % 8 of byte i / 8; the loops handle eight bytes at a time.
using Window = std::bitset<ack_window>;
constexpr std::size_t word_bits = 64;

void write_acks(base::Writer& writer, const Acks& acks) {
    const Window mask{~0ULL};
    writer.u32(acks.largest);
    for (std::size_t at = 0; at < ack_window; at += word_bits) {
        auto word = (acks.below >> at & mask).to_ullong();
        for (auto bit = at; bit < std::min(at + word_bits, ack_window); bit += 8, word >>= 8)
            writer.u8(static_cast<std::uint8_t>(word));
    }
}

Acks read_acks(base::Reader& reader) {
    Acks acks;
    acks.largest = reader.u32();
    for (std::size_t at = 0; at < ack_window; at += word_bits) {
        std::uint64_t word = 0;
        for (auto bit = at; bit < std::min(at + word_bits, ack_window); bit += 8)
            word |= std::uint64_t{reader.u8()} << (bit - at);
        acks.below |= Window{word} << at;
    }
    return acks;
}

/// Packet numbers start at 1, so a bit for a number below 1 would be a second encoding of the same
/// acks.
bool sound(const Acks& acks) {
    const std::size_t numbers_below = acks.largest == 0 ? 0 : acks.largest - 1;
    return (acks.below >> std::min(numbers_below, ack_window)).none();
}

// A pace has 24 bits, and the first rank the 8 above them.
constexpr unsigned pace_bits = 24;
static_assert(Beat::rate_max < 1u << pace_bits);

std::uint32_t with_rank(std::uint32_t pace, std::uint8_t rank) {
    assert(pace < 1u << pace_bits);
    return std::uint32_t{rank} << pace_bits | pace;
}

void take_rank(std::uint32_t word, std::uint32_t& pace, std::uint8_t& rank) {
    pace = word & ((1u << pace_bits) - 1);
    rank = static_cast<std::uint8_t>(word >> pace_bits);
}

/// Without a change a next pace would be a second encoding of the same schedule.
bool sound(const Schedule& schedule) {
    if (schedule.first_rank >= Beat::frame || schedule.next_first_rank >= Beat::frame) return false;
    return schedule.change_at != 0 ||
           (schedule.next_pace_milli == 0 && schedule.next_first_rank == 0);
}

}  // namespace

void encode(const UpHeader& header, base::ByteSpan out) {
    assert(header.surb_count <= surbs_max && header.number != 0 && !header.session.is_zero() &&
           sound(header.schedule));
    base::Writer writer{out};
    writer.bytes(header.session.bytes);
    writer.u8(header.surb_count);
    writer.u8(header.surb_epoch);
    writer.u32(header.number);
    writer.u32(header.schedule.sequence);
    writer.u32(with_rank(header.schedule.pace_milli, header.schedule.first_rank));
    writer.u32(header.schedule.change_at);
    writer.u32(with_rank(header.schedule.next_pace_milli, header.schedule.next_first_rank));
    write_acks(writer, header.acks);
    assert(writer.ok() && writer.written() == up_header_size);
}

void encode(const DownHeader& header, base::ByteSpan out) {
    assert(header.number != 0 && header.incarnation != 0);
    base::Writer writer{out};
    writer.u32(header.number);
    writer.u32(header.incarnation);
    writer.u16(header.stock);
    write_acks(writer, header.acks);
    assert(writer.ok() && writer.written() == down_header_size);
}

base::Result<UpHeader, HeaderError> decode_up(base::ByteView message) {
    if (message.size() != message_size) return base::Fail{HeaderError::bad_length};
    base::Reader reader{message};
    UpHeader header;
    reader.into(header.session.bytes);
    header.surb_count = reader.u8();
    header.surb_epoch = reader.u8();
    header.number = reader.u32();
    header.schedule.sequence = reader.u32();
    take_rank(reader.u32(), header.schedule.pace_milli, header.schedule.first_rank);
    header.schedule.change_at = reader.u32();
    take_rank(reader.u32(), header.schedule.next_pace_milli, header.schedule.next_first_rank);
    header.acks = read_acks(reader);
    if (header.surb_count > surbs_max) return base::Fail{HeaderError::too_many_surbs};
    if (header.session.is_zero() || header.number == 0 || !sound(header.acks) ||
        !sound(header.schedule))
        return base::Fail{HeaderError::bad_value};
    return header;
}

base::Result<DownHeader, HeaderError> decode_down(base::ByteView message) {
    if (message.size() != message_size) return base::Fail{HeaderError::bad_length};
    base::Reader reader{message};
    DownHeader header;
    header.number = reader.u32();
    header.incarnation = reader.u32();
    header.stock = reader.u16();
    header.acks = read_acks(reader);
    if (header.number == 0 || header.incarnation == 0 || !sound(header.acks))
        return base::Fail{HeaderError::bad_value};
    return header;
}

base::ByteView surb_of([[maybe_unused]] const UpHeader& header, base::ByteView message,
                       std::size_t i) {
    assert(message.size() == message_size && i < header.surb_count);
    return message.subspan(up_header_size + i * surb_size, surb_size);
}

base::ByteView frames_of(const UpHeader& header, base::ByteView message) {
    assert(message.size() == message_size && header.surb_count <= surbs_max);
    return message.subspan(up_header_size + header.surb_count * surb_size);
}

base::ByteView frames_of(const DownHeader&, base::ByteView message) {
    assert(message.size() == message_size);
    return message.subspan(down_header_size);
}

}  // namespace nightjar::stream
