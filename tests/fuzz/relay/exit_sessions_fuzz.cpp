// Any messages of hostile clients. Sessions and stocks stay bounded, no reply leaves outside a
// tick, and no pace is above the network's. In a JOIN at the beginning of the frames, the
// incarnation ffffffff stands for that of the last reply: no input could guess it.
#include "relay/core/exit_sessions.hpp"

#include <algorithm>
#include <cstdlib>

#include "sphinx/base/codec.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using base::Milliseconds;

namespace {

fuzz::Depth begun{"a session"};
fuzz::Depth full{"as many sessions as fit"};
fuzz::Depth overfull{"a stock at its bound"};
fuzz::Depth replied{"a reply"};
fuzz::Depth opened{"an open stream"};
fuzz::Depth readable{"bytes of a stream"};
fuzz::Depth ended{"the end of a silent session"};
fuzz::Depth joined{"a session that carries another one's streams"};
fuzz::Depth refused{"a session that may not"};

/// Network time begins at 0 here, and so does the exit's clock.
base::Wall wall(base::Mono now) {
    return base::Wall{std::chrono::floor<Milliseconds>(now.time_since_epoch())};
}

struct PlainSealer final : relay::core::ReplySealer {
    explicit PlainSealer(std::uint32_t& last) : incarnation{last} {}
    std::optional<base::NodeId> seal(base::ByteView, base::ByteView message,
                                     base::ByteSpan) override {
        const auto header = stream::decode_down(message);
        require(header.has_value());
        incarnation = header->incarnation;
        const auto frames =
            stream::CheckedFrames::parse(stream::Side::client, stream::frames_of(*header, message));
        require(frames.has_value());
        if (const auto* answer = frames->find(stream::FrameType::joined))
            (answer->value == 1 ? joined : refused).reach();
        return base::NodeId{};
    }
    std::uint32_t& incarnation;
};

void name_incarnation(base::ByteSpan message, std::uint32_t incarnation) {
    const auto header = stream::decode_up(message);
    if (!header || header->surb_count > 0) return;
    const auto join = message.subspan(stream::up_header_size, 1 + stream::join_token_size);
    const auto place = join.last(4);
    const auto stands_for_it = [](std::uint8_t byte) { return byte == 0xff; };
    if (join[0] == static_cast<std::uint8_t>(stream::FrameType::join) &&
        std::all_of(place.begin(), place.end(), stands_for_it))
        base::Writer{place}.u32(incarnation);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    directory::Parameters parameters;
    base::SeededRandom random{size};
    relay::core::Counters counters;
    relay::core::ExitLimits limits;
    limits.sessions_max = 3;
    limits.surbs_max = 20;
    limits.memory_max = 40'000;
    limits.frozen = limits.silence;
    std::uint32_t incarnation = 0;
    relay::core::ExitSessions exit{parameters, random, counters, limits,
                                   std::make_unique<PlainSealer>(incarnation)};
    base::Reader reader{{data, size}};
    base::Mono now{};
    std::vector<relay::core::ExitSessions::Reply> replies;
    while (reader.remaining() > 2) {
        const auto length = reader.u8();
        const auto step = reader.u8();
        const auto bytes = reader.bytes(std::min<std::size_t>(length, reader.remaining()));
        base::Bytes message(stream::message_size);
        std::copy(bytes.begin(), bytes.end(), message.begin());
        name_incarnation(message, incarnation);
        exit.on_message(message, now, wall(now));
        require(exit.sessions() <= limits.sessions_max);
        require(exit.memory() <= limits.memory_max);
        if (exit.sessions() == 0) require(exit.memory() == 0);
        base::SessionId id;
        std::copy_n(message.begin(), 16, id.bytes.begin());
        require(exit.stock(id) <= limits.surbs_max);
        if (exit.sessions() > 0) begun.reach();
        if (exit.sessions() == limits.sessions_max) full.reach();
        if (exit.stock(id) == limits.surbs_max) overfull.reach();
        for (const auto& event : exit.take_events()) {
            if (event.event.kind == stream::Event::Kind::opened) opened.reach();
            if (event.event.kind == stream::Event::Kind::readable) readable.reach();
            exit.accept({event.session, event.event.stream});
        }
        now += Milliseconds{step};
        replies.clear();
        const auto sessions = exit.sessions();
        exit.tick(now, wall(now), replies);
        if (!replies.empty()) replied.reach();
        if (exit.sessions() < sessions) ended.reach();
        require(replies.size() <= limits.sessions_max * limits.surbs_max);
        require(exit.next_due() > now);
    }
    return 0;
}
