// Packets of a hostile peer, one after the other, at an exit and at a client with open streams.
// Differential: a twin receives the frames of each packet as write_frame() writes them, from bytes
// that are gone afterwards. Both must send and report exactly the same, so what the parser accepts
// is what a sender writes, and a Mux keeps no view. Memory stays bounded, and what fill() writes is
// well formed for the other side.
#include <algorithm>
#include <cstdlib>

#include "sphinx/base/codec.hpp"
#include "sphinx/stream/mux.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using stream::CheckedFrames;
using stream::Mux;
using stream::Side;

namespace {

fuzz::Depth kinds[] = {
    fuzz::Depth{"an opened stream"},    fuzz::Depth{"an accepted stream"},
    fuzz::Depth{"readable bytes"},      fuzz::Depth{"room to write"},
    fuzz::Depth{"a finished stream"},   fuzz::Depth{"a stream that is reset"},
    fuzz::Depth{"an answer to a ping"}, fuzz::Depth{"a peer that reads no more"}};
fuzz::Depth lookup{"a stream that asks for a name"};
fuzz::Depth malformed{"a malformed packet while streams are open"};

constexpr std::size_t room_size = 600;

bool same(const stream::Event& a, const stream::Event& b) {
    return a.stream == b.stream && a.kind == b.kind && a.target == b.target &&
           a.reason == b.reason && a.nonce == b.nonce;
}

base::Bytes rewritten(const CheckedFrames& frames) {
    std::size_t size = 0;
    for (const auto& frame : frames)
        size += stream::frame_size(frame);
    base::Bytes bytes(size);
    base::Writer writer{bytes};
    for (const auto& frame : frames)
        require(stream::write_frame(writer, frame));
    return bytes;
}

struct Twins {
    explicit Twins(Side side_of)
        : side{side_of},
          limits{.streams_max = 4,
                 .send_buffer = 40,
                 .receive_window = 3000,
                 .session_window = 8000,
                 .initial_window = 1000},
          all{side, limits},
          twin{side, limits} {
        if (side == Side::exit) return;
        for (int i = 0; i < 3; ++i)
            both([](Mux& mux) { mux.open({"host", 1}); });
        both([](Mux& mux) { mux.ping(7); });
    }
    template <class Act>
    void both(Act act) {
        act(all);
        act(twin);
    }

    void packet(base::ByteView frames) {
        const auto checked = CheckedFrames::parse(side, frames);
        if (!checked) {
            if (all.streams() > 0) malformed.reach();
            return;
        }
        {
            const auto again = rewritten(*checked);
            require(std::equal(again.begin(), again.end(), frames.begin()));
            twin.receive(*CheckedFrames::parse(side, again));
        }
        all.receive(*checked);
        const auto events = all.take_events();
        const auto others = twin.take_events();
        require(std::equal(events.begin(), events.end(), others.begin(), others.end(), same));
        require(all.streams() <= 4 * limits.streams_max);
        for (const auto& event : events)
            act_on(event);
    }

    void act_on(const stream::Event& event) {
        const auto id = event.stream;
        kinds[static_cast<std::size_t>(event.kind)].reach();
        if (event.kind == stream::Event::Kind::opened) {
            require(!event.target.host.empty());
            if (event.target.port == 0) lookup.reach();
            both([id](Mux& mux) { mux.accept(id); });
        }
        if (id % 3 == 0) both([id](Mux& mux) { mux.write(id, base::as_bytes("answer")); });
        if (id % 5 == 0) both([id](Mux& mux) { mux.finish(id); });
        if (id % 2 == 1) read(id);
        require(all.readable(id) <= limits.receive_window);
    }

    void read(stream::StreamId id) {
        base::ByteArray<700> one{};
        base::ByteArray<700> other{};
        require(all.read(id, one) == twin.read(id, other));
        require(one == other);
    }

    void answer(std::uint8_t what) {
        base::ByteArray<room_size> one{};
        base::ByteArray<room_size> other{};
        const auto used = all.fill(++number, one);
        require(used == twin.fill(number, other) && one == other);
        const auto other_side = side == Side::exit ? Side::client : Side::exit;
        require(CheckedFrames::parse(other_side, one).has_value());
        if (what % 3 == 0) both([this](Mux& mux) { mux.acknowledged(number); });
        if (what % 3 == 1) both([this](Mux& mux) { mux.lost(number); });
    }

    Side side;
    stream::MuxLimits limits;
    Mux all;
    Mux twin;
    stream::PacketNumber number = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Twins twins{data[0] % 2 == 0 ? Side::exit : Side::client};
    base::Reader reader{{data + 1, size - 1}};
    while (reader.remaining() > 2) {
        const auto length = reader.u8();
        const auto then = reader.u8();
        twins.packet(reader.bytes(std::min<std::size_t>(length, reader.remaining())));
        if (then % 2 == 0) twins.answer(then / 2);
        if (then % 7 == 0)
            twins.both([then](Mux& mux) { mux.reset(then, stream::ResetReason::timed_out); });
    }
    return 0;
}
