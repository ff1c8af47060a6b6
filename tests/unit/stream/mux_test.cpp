#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;

TEST_CASE("a stream opens, carries bytes both ways, half-closes each way and is forgotten") {
    Pair pair;
    const auto id = *pair.client.open({"example.org", 80});
    CHECK(pair.client.write(id, base::as_bytes("GET")) == 3);
    CHECK(arrive_at_exit(pair.exit, pair.up()));
    pair.client.acknowledged(pair.ups);
    const auto events = pair.exit.take_events();
    REQUIRE(events.size() == 2);
    CHECK(events[0].kind == Kind::opened);
    CHECK(events[0].target == stream::Target{"example.org", 80});
    CHECK(events[1].kind == Kind::readable);
    CHECK(read_all(pair.exit, id) == "GET");

    pair.exit.accept(id);
    pair.client.finish(id);
    pair.exchange();
    CHECK(kinds(pair.client) == Kinds{Kind::accepted});
    CHECK(kinds(pair.exit) == Kinds{Kind::finished});
    CHECK(pair.exit.write(id, base::as_bytes("answer")) == 6);
    pair.exit.finish(id);
    pair.exchange();
    CHECK(kinds(pair.client) == Kinds{Kind::readable});
    CHECK(read_all(pair.client, id) == "answer");
    CHECK(kinds(pair.client) == Kinds{Kind::finished});
    pair.exchange();
    CHECK(pair.client.idle());
    CHECK(pair.exit.idle());
}

TEST_CASE("a peer that breaks a stream's rules has that stream reset, and no other") {
    const auto text = [](const char* bytes) { return base::as_bytes(bytes); };
    struct Row {
        const char* what;
        std::vector<base::Bytes> packets;
    };
    const Row rows[]{
        {"an overlap that differs",
         {frames({open_frame(1), frame(FrameType::data, 1, 5, text("abcdef"))}),
          frames({frame(FrameType::data, 1, 8, text("dEf"))})}},
        {"data after the final offset",
         {frames({open_frame(1), frame(FrameType::fin, 1, 3)}),
          frames({frame(FrameType::data, 1, 0, text("abcd"))})}},
        {"two final offsets",
         {frames({open_frame(1), frame(FrameType::fin, 1, 3)}),
          frames({frame(FrameType::fin, 1, 4)})}},
        {"a final offset before what was sent",
         {frames({open_frame(1), frame(FrameType::data, 1, 0, text("abcd"))}),
          frames({frame(FrameType::fin, 1, 3)})}},
        {"the stream's window overrun by one byte",
         {frames({open_frame(1)}), frames({frame(FrameType::data, 1, 8 * 1024 - 2, text("abc"))})}},
        {"the stream's window overrun by a final offset",
         {frames({open_frame(1), frame(FrameType::fin, 1, 8 * 1024 + 1)})}},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Mux exit{Side::exit};
        CHECK(arrive_at_exit(exit, frames({open_frame(2)})));
        exit.take_events();
        for (const auto& packet : row.packets)
            CHECK(arrive_at_exit(exit, packet));
        const auto events = exit.take_events();
        REQUIRE_FALSE(events.empty());
        CHECK(events.back().kind == Kind::reset);
        CHECK(events.back().stream == 1);
        CHECK(events.back().reason == ResetReason::protocol_error);
        base::Bytes room;
        bool told = false;
        for (const auto& said : answers(exit, room)) {
            if (said.type != FrameType::reset) continue;
            CHECK(said.stream == 1);
            CHECK(said.reason == ResetReason::protocol_error);
            told = true;
        }
        CHECK(told);
        CHECK(exit.read(1, room) == 0);
        CHECK(arrive_at_exit(exit, frames({frame(FrameType::data, 2, 0, text("fine"))})));
        CHECK(read_all(exit, 2) == "fine");
    }
}

TEST_CASE("a gap that is never filled delivers what is before it and nothing behind") {
    Mux exit{Side::exit};
    CHECK(arrive_at_exit(
        exit,
        frames({open_frame(1), frame(FrameType::data, 1, 0, base::as_bytes("ab")),
                frame(FrameType::data, 1, 3, base::as_bytes("d")), frame(FrameType::fin, 1, 4)})));
    CHECK(read_all(exit, 1) == "ab");
    CHECK(kinds(exit) == Kinds{Kind::opened, Kind::readable});
    CHECK(exit.readable(1) == 0);
    exit.reset(1, ResetReason::timed_out);
    base::Bytes room;
    const auto said = answers(exit, room);
    REQUIRE(said.size() == 1);
    CHECK(said[0].type == FrameType::reset);
    CHECK(said[0].reason == ResetReason::timed_out);
    CHECK(exit.streams() == 0);
}

TEST_CASE("FIN before its data, and data before its OPEN, are only early") {
    Mux exit{Side::exit};
    CHECK(arrive_at_exit(exit, frames({frame(FrameType::fin, 1, 2)})));
    CHECK(arrive_at_exit(exit, frames({frame(FrameType::data, 1, 0, base::as_bytes("ab"))})));
    CHECK(arrive_at_exit(exit, frames({open_frame(1)})));
    CHECK(kinds(exit) == Kinds{Kind::opened, Kind::readable});
    CHECK(read_all(exit, 1) == "ab");
    CHECK(kinds(exit) == Kinds{Kind::finished});
}

TEST_CASE("frames that overtake an OPEN are reported after it, not before") {
    for (const bool with_data : {true, false}) {
        Pair pair;
        const auto id = *pair.client.open({"example.org", 80});
        const auto open = pair.up(40);
        if (with_data) pair.client.write(id, base::as_bytes("early"));
        pair.client.finish(id);
        const auto rest = pair.up();
        CHECK(arrive_at_exit(pair.exit, rest));
        CHECK(kinds(pair.exit).empty());
        CHECK(arrive_at_exit(pair.exit, open));
        if (with_data) {
            CHECK(kinds(pair.exit) == Kinds{Kind::opened, Kind::readable});
            CHECK(read_all(pair.exit, id) == "early");
            CHECK(kinds(pair.exit) == Kinds{Kind::finished});
        } else {
            CHECK(kinds(pair.exit) == Kinds{Kind::opened, Kind::finished});
        }
    }
}

TEST_CASE("an OPEN asks once, also when it comes again after the stream has ended") {
    Pair pair;
    const auto id = *pair.client.open({"example.org", 80});
    const auto request = pair.up();
    CHECK(arrive_at_exit(pair.exit, request));
    CHECK(arrive_at_exit(pair.exit, request));
    CHECK(kinds(pair.exit) == Kinds{Kind::opened});
    pair.client.acknowledged(pair.ups);
    pair.exit.reset(id, ResetReason::connection_refused);
    pair.exchange();
    const auto events = pair.client.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::reset);
    CHECK(events[0].reason == ResetReason::connection_refused);
    pair.exchange();
    CHECK(pair.exit.idle());
    CHECK(pair.client.idle());
    CHECK(arrive_at_exit(pair.exit, request));
    CHECK(pair.exit.take_events().empty());
    CHECK(pair.exit.idle());
}

TEST_CASE("a stream that is reset before its OPEN has arrived never reaches a target") {
    Pair pair;
    const auto id = *pair.client.open({"example.org", 80});
    const auto request = pair.up();
    pair.client.reset(id, ResetReason::cancelled);
    CHECK(arrive_at_exit(pair.exit, pair.up()));
    pair.client.acknowledged(pair.ups);
    CHECK(arrive_at_exit(pair.exit, request));
    CHECK(pair.exit.take_events().empty());
    CHECK(arrive_at_client(pair.client, pair.down()));
    pair.exit.acknowledged(pair.downs);
    CHECK(pair.client.idle());
    CHECK(pair.exit.idle());
    CHECK(pair.client.take_events().empty());
}

TEST_CASE("what a lost packet carried goes into a later one; a ping does not") {
    Pair pair;
    const auto id = *pair.client.open({"example.org", 80});
    pair.client.write(id, base::as_bytes("lost once"));
    pair.client.finish(id);
    pair.client.ping(42);
    std::vector<std::uint64_t> pings;
    base::Bytes packet(1000);
    pair.client.fill(++pair.ups, packet, &pings);
    CHECK(pings == std::vector<std::uint64_t>{42});
    CHECK_FALSE(pair.client.has_data());
    pair.client.lost(pair.ups);
    CHECK(pair.client.has_data());

    pings.clear();
    pair.client.fill(++pair.ups, packet, &pings);
    CHECK(pings.empty());
    CHECK(arrive_at_exit(pair.exit, packet));
    CHECK(read_all(pair.exit, id) == "lost once");
    CHECK(kinds(pair.exit) == Kinds{Kind::opened, Kind::readable, Kind::finished});
}

TEST_CASE("a ping is answered once, in the next reply, with its nonce") {
    Pair pair;
    pair.client.ping(7);
    pair.exchange();
    const auto events = pair.client.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::pong);
    CHECK(events[0].nonce == 7);
    CHECK(pair.client.idle());
    CHECK(pair.exit.idle());
}

TEST_CASE("a malformed packet has no effect, not even that of its sound frames") {
    Mux exit{Side::exit};
    auto packet = frames({open_frame(1), frame(FrameType::data, 1, 0, base::as_bytes("ab"))});
    packet.back() = 1;
    CHECK_FALSE(arrive_at_exit(exit, packet));
    CHECK(exit.take_events().empty());
    CHECK(exit.streams() == 0);
}

TEST_CASE("streams are bounded at the client, and at an exit whatever a client does") {
    Pair pair{{.streams_max = 4}};
    for (int i = 0; i < 4; ++i)
        CHECK(pair.client.open({"a", 1}).has_value());
    CHECK_FALSE(pair.client.open({"a", 1}).has_value());
    CHECK_FALSE(Mux{Side::client}.open({"", 1}).has_value());
    CHECK_FALSE(Mux{Side::client}.open({std::string(256, 'a'), 1}).has_value());
    CHECK_FALSE(Mux{Side::client}.open({std::string("a\0b", 3), 1}).has_value());

    for (stream::StreamId id = 1; id <= 100; ++id)
        CHECK(arrive_at_exit(pair.exit, frames({open_frame(id)})));
    CHECK(pair.exit.streams() == 16);
    CHECK(kinds(pair.exit) == Kinds(8, Kind::opened));
    base::Bytes room;
    std::size_t refused = 0;
    for (const auto& said : answers(pair.exit, room))
        refused += said.type == FrameType::reset && said.reason == ResetReason::overload;
    CHECK(refused == 8);
}

TEST_CASE("a writer stops at the buffer and hears of new room") {
    Pair pair{{.send_buffer = 20'000}};
    const auto id = *pair.client.open({"a", 1});
    const base::Bytes bytes(30'000);
    CHECK(pair.client.write(id, bytes) == 20'000);
    CHECK(pair.client.writable(id) == 0);
    int packets = 0;
    while (kinds(pair.client).empty()) {
        pair.exchange();
        REQUIRE(++packets < 20);
    }
    CHECK(pair.client.writable(id) >= 8'000);
}

TEST_CASE("a reader that stops stops its sender at the window, until it reads") {
    Pair pair;
    const auto id = *pair.client.open({"a", 1});
    const base::Bytes bytes(4096, 7);
    const auto rounds = [&] {
        std::size_t sent = 0;
        for (int i = 0; i < 600; ++i) {
            pair.exchange();
            pair.exit.accept(id);
            sent += pair.exit.write(id, bytes);
            pair.client.take_events();
            pair.exit.take_events();
        }
        return sent;
    };
    rounds();
    CHECK(pair.client.readable(id) == 256 * 1024);
    CHECK_FALSE(pair.exit.has_data());
    base::Bytes out(100'000);
    CHECK(pair.client.read(id, out) == out.size());
    CHECK(rounds() >= out.size());
    CHECK(pair.client.readable(id) == 256 * 1024);
}

TEST_CASE("streams that are not read leave a window for one that is read") {
    Pair pair;
    std::vector<stream::StreamId> stalled;
    for (int i = 0; i < 60; ++i)
        stalled.push_back(*pair.client.open({"a", 1}));
    const base::Bytes bytes(4096, 7);
    const auto round = [&] {
        pair.exchange();
        pair.client.take_events();
        for (const auto& event : pair.exit.take_events())
            pair.exit.accept(event.stream);
    };
    for (int i = 0; i < 6000; ++i) {
        round();
        for (const auto id : stalled)
            pair.exit.write(id, bytes);
    }
    std::size_t unread = 0;
    for (const auto id : stalled)
        unread += pair.client.readable(id);
    CHECK(unread <= 2 * 1024 * 1024);

    // One application starts to read: its stream continues at a fair rate while the others stall.
    std::size_t got = 0;
    base::Bytes out(4096);
    for (int i = 0; i < 1000; ++i) {
        round();
        pair.exit.write(stalled[5], bytes);
        got += pair.client.read(stalled[5], out);
    }
    CHECK(got > 300'000);
}

TEST_CASE("the example of docs/stream.md is what the two ends say") {
    Pair pair{stream::MuxLimits::for_rate(50, base::Seconds{9})};
    const auto hex = [](const base::Bytes& packet, std::size_t size) {
        return base::to_hex(base::ByteView{packet}.first(size));
    };
    const auto id = *pair.client.open({"example.org", 80});
    pair.client.write(id, base::as_bytes("GET"));
    auto packet = pair.up();
    CHECK(hex(packet, 31) ==
          "030100500b6578616d706c652e6f7267"
          "0801800e1000"
          "05010003474554"
          "0000");
    CHECK(arrive_at_exit(pair.exit, packet));
    pair.client.acknowledged(pair.ups);
    pair.exit.accept(id);
    packet = pair.down();
    CHECK(hex(packet, 9) == "04010801800e100000");
    CHECK(arrive_at_client(pair.client, packet));
    pair.exit.write(id, base::as_bytes("answer"));
    pair.exit.finish(id);
    CHECK(hex(pair.down(), 14) == "05010006616e7377657206010600");

    Mux client{Side::client};
    Mux exit{Side::exit};
    client.ping(7);
    base::Bytes room(20);
    client.fill(1, room);
    CHECK(arrive_at_exit(exit, room));
    exit.fill(1, room);
    CHECK(hex(room, 10) == "02000000000000000700");
}
