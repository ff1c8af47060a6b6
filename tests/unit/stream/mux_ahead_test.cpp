// What a client sends before its first WINDOW: an upload must not wait some 4 s for it, and an exit
// must not hold more than was agreed.
#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;

namespace {

constexpr std::size_t ahead = 16'000;

/// 4 streams of 2,000 bytes are reserved; 12,000 bytes are for wider windows.
constexpr stream::MuxLimits small{.streams_max = 4,
                                  .send_buffer = 100'000,
                                  .receive_window = 3000,
                                  .session_window = 20'000,
                                  .initial_window = 2000,
                                  .ahead = ahead};

/// Sends all that the client may send. None of the exit's packets arrives.
void send_all(Pair& pair) {
    while (pair.client.has_data()) {
        CHECK(arrive_at_exit(pair.exit, pair.up()));
        pair.client.acknowledged(pair.ups);
    }
}

std::size_t sent_to(Pair& pair, stream::StreamId id) {
    return pair.exit.readable(id);
}

}  // namespace

TEST_CASE("an upload does not wait for its first WINDOW") {
    Pair pair{stream::MuxLimits::for_rate(50, base::Seconds{9})};
    const auto id = *pair.client.open({"a", 1});
    const base::Bytes bytes(1 << 20);
    std::size_t sent = pair.client.write(id, bytes);
    // 4 s of packets, and no WINDOW: the exit's replies take so long to settle.
    for (int i = 0; i < 200; ++i) {
        CHECK(arrive_at_exit(pair.exit, pair.up()));
        pair.client.acknowledged(pair.ups);
        pair.exit.accept(id);
        sent += pair.client.write(id, base::ByteView{bytes}.subspan(sent));
    }
    CHECK(sent_to(pair, id) > 190'000);
}

TEST_CASE("streams share what a client may send ahead of its windows") {
    Pair pair{small};
    const base::Bytes bytes(100'000);
    std::vector<stream::StreamId> ids;
    std::vector<std::size_t> ahead_of;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(*pair.client.open({"a", 1}));
        pair.client.write(ids.back(), bytes);
        send_all(pair);
        ahead_of.push_back(sent_to(pair, ids.back()) - small.initial_window);
    }
    // Half of what the others leave.
    CHECK(ahead_of == std::vector<std::size_t>{8'000, 4'000, 2'000});
}

TEST_CASE("a WINDOW that covers what was sent ahead makes room for others") {
    Pair pair{small};
    const base::Bytes bytes(100'000);
    const auto first = *pair.client.open({"a", 1});
    pair.client.write(first, bytes);
    send_all(pair);
    REQUIRE(sent_to(pair, first) == 10'000);
    pair.exit.accept(first);
    base::Bytes out(100'000);
    pair.exit.read(first, out);
    CHECK(arrive_at_client(pair.client, pair.down()));
    // From now on its windows alone count.
    send_all(pair);
    CHECK(sent_to(pair, first) <= small.receive_window);
    const auto second = *pair.client.open({"a", 1});
    pair.client.write(second, bytes);
    send_all(pair);
    CHECK(sent_to(pair, second) == 10'000);
}

TEST_CASE("a WINDOW below what was sent ahead is told, and told again after a loss") {
    Pair pair{small};
    const auto id = *pair.client.open({"a", 1});
    pair.client.write(id, base::Bytes(100'000));
    CHECK(arrive_at_exit(pair.exit, pair.up()));
    pair.client.acknowledged(pair.ups);
    pair.exit.accept(id);
    pair.down();  // carries a WINDOW of 3,000 bytes, and is on its way
    const auto window = pair.downs;
    send_all(pair);
    REQUIRE(sent_to(pair, id) == 10'000);
    CHECK_FALSE(pair.exit.has_data());
    pair.exit.lost(window);
    CHECK(arrive_at_client(pair.client, pair.down()));
    CHECK_FALSE(pair.exit.has_data());
    // 7,000 bytes are left ahead of the window.
    const auto other = *pair.client.open({"a", 1});
    pair.client.write(other, base::Bytes(100'000));
    send_all(pair);
    CHECK(sent_to(pair, other) == 2'000 + (ahead - 7'000) / 2);
}

TEST_CASE("a stream that ends ahead of its window still makes room for others") {
    Pair pair{small};
    const auto first = *pair.client.open({"a", 1});
    pair.client.write(first, base::Bytes(8'000));
    pair.client.finish(first);
    send_all(pair);
    REQUIRE(sent_to(pair, first) == 8'000);
    pair.exit.accept(first);
    base::Bytes out(100'000);
    pair.exit.read(first, out);
    CHECK(arrive_at_client(pair.client, pair.down()));
    const auto second = *pair.client.open({"a", 1});
    pair.client.write(second, base::Bytes(100'000));
    send_all(pair);
    CHECK(sent_to(pair, second) == 10'000);
}

TEST_CASE("a stream that is withdrawn counts until the exit knows") {
    Pair pair{small};
    const auto first = *pair.client.open({"a", 1});
    pair.client.write(first, base::Bytes(100'000));
    send_all(pair);
    pair.client.reset(first, ResetReason::cancelled);
    const auto second = *pair.client.open({"a", 1});
    pair.client.write(second, base::Bytes(100'000));
    const auto packet = pair.up();  // carries the RESET, and is not acknowledged
    CHECK(arrive_at_exit(pair.exit, packet));
    const auto reset = pair.ups;
    send_all(pair);
    CHECK(sent_to(pair, second) == 6'000);
    pair.client.acknowledged(reset);
    send_all(pair);
    CHECK(sent_to(pair, second) == 10'000);
}

TEST_CASE("an exit holds what a client may send ahead, and resets a stream that sends more") {
    Mux exit{Side::exit, small};
    // Streams that are never accepted get no WINDOW. All windows are 20,000, and 16,000 ahead.
    std::size_t held = 0;
    const base::Bytes bytes(1000);
    for (stream::StreamId id = 1; id <= 4; ++id) {
        CHECK(arrive_at_exit(exit, frames({open_frame(id)})));
        for (std::uint64_t at = 0; at < 30'000; at += bytes.size())
            CHECK(arrive_at_exit(exit, frames({frame(FrameType::data, id, at, bytes)})));
    }
    for (stream::StreamId id = 1; id <= 4; ++id)
        held += exit.readable(id);
    CHECK(held <= small.session_window + small.ahead);
    base::Bytes room;
    std::size_t resets = 0;
    for (const auto& said : answers(exit, room))
        resets += said.type == FrameType::reset && said.reason == ResetReason::overload;
    CHECK(resets > 0);
}

TEST_CASE("an upload that finds no room behind aborted ones is told of an overload") {
    Pair pair{small};
    std::vector<Event> ends;
    // Each target accepts and reads nothing. The client sends what it may, aborts, and forgets.
    for (int i = 0; i < 20 && ends.empty(); ++i) {
        const auto id = *pair.client.open({"a", 1});
        pair.client.write(id, base::Bytes(8000));
        send_all(pair);
        pair.exit.accept(id);
        pair.exchange();
        for (const auto& event : pair.client.take_events())
            if (event.kind == Kind::reset) ends.push_back(event);
        pair.client.reset(id, ResetReason::cancelled);
        pair.exchange();
        REQUIRE(pair.client.streams() == 0);
    }
    REQUIRE_FALSE(ends.empty());
    CHECK(ends.front().reason == ResetReason::overload);
}

TEST_CASE("an exit sends nothing ahead of a client's windows") {
    Pair pair{small};
    const auto id = *pair.client.open({"a", 1});
    CHECK(arrive_at_exit(pair.exit, frames({open_frame(id)})));
    pair.exit.accept(id);
    pair.exit.write(id, base::Bytes(100'000));
    for (int i = 0; i < 50; ++i)
        CHECK(arrive_at_client(pair.client, pair.down()));
    CHECK(pair.client.readable(id) == small.initial_window);
    // Nor does a client take it.
    const base::Bytes bytes(500);
    CHECK(arrive_at_client(pair.client, frames({frame(FrameType::data, id, 2000, bytes)})));
    const auto events = kinds(pair.client);
    CHECK(events.back() == Kind::reset);
}

TEST_CASE("the frames of one packet share what an exit holds ahead") {
    Mux exit{Side::exit, small};
    const base::Bytes byte(1);
    const auto ahead_to = [&](stream::StreamId id, std::uint64_t end) {
        return frame(FrameType::data, id, end - 1, byte);
    };
    const auto resets = [&] {
        base::Bytes room;
        std::vector<stream::StreamId> ids;
        for (const auto& said : answers(exit, room))
            if (said.type == FrameType::reset) ids.push_back(said.stream);
        return ids;
    };
    CHECK(arrive_at_exit(exit, frames({open_frame(1), open_frame(2), open_frame(3)})));
    // 8,000 are reserved and 28,000 left: 14,000 twice, and no byte more.
    CHECK(arrive_at_exit(exit, frames({ahead_to(1, 16'000), ahead_to(2, 16'000),
                                       ahead_to(2, 16'000), ahead_to(3, 2'001)})));
    CHECK(resets() == std::vector<stream::StreamId>{3});
    // What a stream gives up in a packet is free for the frames behind: stream 1 breaks a rule.
    CHECK(arrive_at_exit(exit, frames({ahead_to(4, 2'001), frame(FrameType::fin, 1, 1),
                                       open_frame(5), ahead_to(5, 16'000)})));
    CHECK(resets() == std::vector<stream::StreamId>{1, 4});
    // And what the application gives up, for the next packet.
    exit.reset(2, ResetReason::cancelled);
    CHECK(arrive_at_exit(exit, frames({open_frame(6), ahead_to(6, 16'000)})));
    CHECK(resets() == std::vector<stream::StreamId>{2});
}

TEST_CASE("single bytes far ahead make an exit reserve little") {
    const auto limits = stream::MuxLimits::for_rate(50, base::Seconds{9});
    Mux exit{Side::exit, limits};
    const base::Bytes byte(1);
    base::Bytes packet(stream::up_room(0));
    base::Writer writer{packet};
    // The first four lie as far ahead as the session's bound lets them, the others in the initial
    // window.
    for (stream::StreamId id = 1;; ++id) {
        const auto at = id <= 4 ? limits.initial_window + limits.ahead - 1 : 8191;
        if (!stream::write_frame(writer, frame(FrameType::data, id, at, byte))) break;
    }
    writer.zeros(writer.remaining());
    CHECK(arrive_at_exit(exit, packet));
    CAPTURE(exit.streams());
    CAPTURE(exit.memory());
    CHECK(exit.streams() > 200);
    CHECK(exit.memory() < exit.streams() * 2000);
}
