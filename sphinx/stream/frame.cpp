#include "sphinx/stream/frame.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace nightjar::stream {

namespace {

bool is_zero(std::uint8_t byte) {
    return byte == 0;
}

std::optional<StreamId> read_stream(base::Reader& reader) {
    const auto id = read_varint(reader);
    if (!id || *id > std::numeric_limits<StreamId>::max()) return std::nullopt;
    return static_cast<StreamId>(*id);
}

bool only_zeros_left(base::Reader& reader) {
    const auto rest = reader.bytes(reader.remaining());
    // Nearly every byte of cover is checked here, so this is fast: the first byte is zero, and each
    // byte equals the next.
    return rest.empty() || (rest[0] == 0 && std::equal(rest.begin() + 1, rest.end(), rest.begin()));
}

/// Reads what follows the type byte. Returns false if it breaks a rule; the caller checks that
/// `reader` did not run out of bytes.
bool read_fields(Side receiver, base::Reader& reader, Frame& frame) {
    if (frame.type == FrameType::ping || frame.type == FrameType::pong) {
        frame.value = reader.u64();
        return (frame.type == FrameType::ping) == (receiver == Side::exit);
    }
    if (frame.type == FrameType::join) {
        frame.bytes = reader.bytes(join_token_size);
        return receiver == Side::exit;
    }
    if (frame.type == FrameType::joined) {
        frame.value = reader.u8();
        return receiver == Side::client && frame.value <= 1;
    }
    const auto stream = read_stream(reader);
    if (!stream || *stream == 0) return false;
    frame.stream = *stream;
    switch (frame.type) {
        case FrameType::open: {
            frame.port = reader.u16();
            frame.bytes = reader.bytes(reader.u8());
            return receiver == Side::exit && frame.port != 0 && valid_host(frame.bytes);
        }
        case FrameType::resolve:
            frame.bytes = reader.bytes(reader.u8());
            return receiver == Side::exit && valid_host(frame.bytes);
        case FrameType::accept:
            return receiver == Side::client;
        case FrameType::reset:
        case FrameType::stop: {
            const auto reason = reader.u8();
            if (reason < 1 || reason > static_cast<std::uint8_t>(ResetReason::session_ended))
                return false;
            frame.reason = static_cast<ResetReason>(reason);
            if (frame.type == FrameType::stop) return true;
            break;
        }
        case FrameType::data:
        case FrameType::fin:
        case FrameType::window:
            break;
        case FrameType::end:
        case FrameType::ping:
        case FrameType::pong:
        case FrameType::join:
        case FrameType::joined:
            return false;
    }
    const auto value = read_varint(reader);
    if (!value) return false;
    frame.value = *value;
    if (frame.type != FrameType::data) return true;
    const auto length = read_varint(reader);
    if (!length || *length == 0 || *length > reader.remaining()) return false;
    if (*length > varint_max - frame.value) return false;
    frame.bytes = reader.bytes(static_cast<std::size_t>(*length));
    return true;
}

}  // namespace

void write_varint(base::Writer& writer, std::uint64_t value) {
    assert(value <= varint_max);
    switch (varint_size(value)) {
        case 1:
            return writer.u8(static_cast<std::uint8_t>(value));
        case 2:
            return writer.u16(static_cast<std::uint16_t>(value | 0x4000));
        case 4:
            return writer.u32(static_cast<std::uint32_t>(value | 0x80000000));
        default:
            return writer.u64(value | 0xc000000000000000);
    }
}

std::optional<std::uint64_t> read_varint(base::Reader& reader) {
    const auto first = reader.u8();
    const auto size = std::size_t{1} << (first >> 6);
    std::uint64_t value = first & 0x3f;
    for (const auto byte : reader.bytes(size - 1))
        value = value << 8 | byte;
    if (!reader.ok() || varint_size(value) != size) return std::nullopt;
    return value;
}

std::size_t frame_size(const Frame& frame) {
    switch (frame.type) {
        case FrameType::end:
            return 1;
        case FrameType::ping:
        case FrameType::pong:
            return 1 + 8;
        case FrameType::join:
            return 1 + join_token_size;
        case FrameType::joined:
            return 1 + 1;
        case FrameType::open:
            return 1 + varint_size(frame.stream) + 2 + 1 + frame.bytes.size();
        case FrameType::resolve:
            return 1 + varint_size(frame.stream) + 1 + frame.bytes.size();
        case FrameType::accept:
            return 1 + varint_size(frame.stream);
        case FrameType::data:
            return 1 + varint_size(frame.stream) + varint_size(frame.value) +
                   varint_size(frame.bytes.size()) + frame.bytes.size();
        case FrameType::reset:
            return 1 + varint_size(frame.stream) + 1 + varint_size(frame.value);
        case FrameType::stop:
            return 1 + varint_size(frame.stream) + 1;
        case FrameType::fin:
        case FrameType::window:
            return 1 + varint_size(frame.stream) + varint_size(frame.value);
    }
    return 0;
}

bool write_frame(base::Writer& writer, const Frame& frame) {
    if (frame_size(frame) > writer.remaining()) return false;
    writer.u8(static_cast<std::uint8_t>(frame.type));
    if (frame.type == FrameType::ping || frame.type == FrameType::pong) {
        writer.u64(frame.value);
        return true;
    }
    if (frame.type == FrameType::end) return true;
    if (frame.type == FrameType::join) {
        writer.bytes(frame.bytes);
        return true;
    }
    if (frame.type == FrameType::joined) {
        writer.u8(static_cast<std::uint8_t>(frame.value));
        return true;
    }
    write_varint(writer, frame.stream);
    switch (frame.type) {
        case FrameType::open:
            writer.u16(frame.port);
            [[fallthrough]];
        case FrameType::resolve:
            writer.u8(static_cast<std::uint8_t>(frame.bytes.size()));
            writer.bytes(frame.bytes);
            break;
        case FrameType::data:
            write_varint(writer, frame.value);
            write_varint(writer, frame.bytes.size());
            writer.bytes(frame.bytes);
            break;
        case FrameType::reset:
            writer.u8(static_cast<std::uint8_t>(frame.reason));
            write_varint(writer, frame.value);
            break;
        case FrameType::stop:
            writer.u8(static_cast<std::uint8_t>(frame.reason));
            break;
        case FrameType::fin:
        case FrameType::window:
            write_varint(writer, frame.value);
            break;
        case FrameType::end:
        case FrameType::ping:
        case FrameType::pong:
        case FrameType::accept:
        case FrameType::join:
        case FrameType::joined:
            break;
    }
    assert(writer.ok());
    return true;
}

bool valid_host(base::ByteView host) {
    return !host.empty() && host.size() <= 255 && std::none_of(host.begin(), host.end(), is_zero);
}

const Frame* CheckedFrames::find(FrameType type) const {
    const auto found = std::find_if(frames_.begin(), frames_.end(),
                                    [type](const Frame& frame) { return frame.type == type; });
    return found == frames_.end() ? nullptr : &*found;
}

std::optional<CheckedFrames> CheckedFrames::parse(Side receiver, base::ByteView frames) {
    CheckedFrames checked{receiver};
    base::Reader reader{frames};
    while (reader.remaining() > 0) {
        const auto type = reader.u8();
        if (type == static_cast<std::uint8_t>(FrameType::end)) {
            if (!only_zeros_left(reader)) return std::nullopt;
            break;
        }
        if (type > static_cast<std::uint8_t>(FrameType::joined)) return std::nullopt;
        auto& frame = checked.frames_.emplace_back();
        frame.type = static_cast<FrameType>(type);
        if (!read_fields(receiver, reader, frame) || !reader.ok()) return std::nullopt;
    }
    return checked;
}

}  // namespace nightjar::stream
