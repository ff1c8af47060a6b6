// A client and an exit between which the test passes packets, and packets made frame by frame.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "sphinx/stream/mux.hpp"
#include "tests/support/arriving_frames.hpp"

namespace nightjar::mux_test {

using stream::Event;
using stream::FrameType;
using stream::Mux;
using stream::ResetReason;
using stream::Side;
using test::arrive_at_client;
using test::arrive_at_exit;

/// A client and an exit. The test passes packets of one size between them.
struct Pair {
    explicit Pair(stream::MuxLimits limits = {})
        : client{Side::client, limits}, exit{Side::exit, limits} {}

    base::Bytes pack(Mux& from, stream::PacketNumber& number, std::size_t room = 1000) {
        base::Bytes packet(room);
        from.fill(++number, packet);
        return packet;
    }
    base::Bytes up(std::size_t room = 1000) { return pack(client, ups, room); }
    base::Bytes down(std::size_t room = 1000) { return pack(exit, downs, room); }

    /// Passes one packet in each direction; both arrive and are acknowledged.
    void exchange() {
        CHECK(arrive_at_exit(exit, up()));
        client.acknowledged(ups);
        CHECK(arrive_at_client(client, down()));
        exit.acknowledged(downs);
    }

    Mux client;
    Mux exit;
    stream::PacketNumber ups = 0;
    stream::PacketNumber downs = 0;
};

inline std::vector<Event::Kind> kinds(Mux& mux) {
    std::vector<Event::Kind> kinds;
    for (const auto& event : mux.take_events())
        kinds.push_back(event.kind);
    return kinds;
}

inline std::string read_all(Mux& mux, stream::StreamId id) {
    std::string text(mux.readable(id), '\0');
    mux.read(id, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    return text;
}

using Kinds = std::vector<Event::Kind>;
using Kind = Event::Kind;

inline base::Bytes frames(std::initializer_list<stream::Frame> list) {
    base::Bytes bytes(stream::down_room);
    base::Writer writer{bytes};
    for (const auto& frame : list)
        CHECK(stream::write_frame(writer, frame));
    return bytes;
}

inline stream::Frame frame(stream::FrameType type, stream::StreamId id, std::uint64_t value = 0,
                           base::ByteView bytes = {}) {
    stream::Frame frame;
    frame.type = type;
    frame.stream = id;
    frame.value = value;
    frame.bytes = bytes;
    frame.port = 80;
    return frame;
}

inline stream::Frame open_frame(stream::StreamId id) {
    return frame(stream::FrameType::open, id, 0, base::as_bytes("a"));
}

/// The frames of the exit's next packet.
inline std::vector<stream::Frame> answers(Mux& mux, base::Bytes& room) {
    static stream::PacketNumber number = 0;
    room.assign(stream::down_room, 0);
    mux.fill(++number, room);
    mux.acknowledged(number);
    const auto checked = stream::CheckedFrames::parse(Side::client, room);
    REQUIRE(checked.has_value());
    return {checked->begin(), checked->end()};
}

}  // namespace nightjar::mux_test
