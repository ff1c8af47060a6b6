#include "relay/core/exit_sessions.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "sphinx/packet/keys.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/unit/relay/core/exit/exit_harness.hpp"

using namespace nightjar;
using namespace nightjar::exit_test;

TEST_CASE("nothing leaves before the schedule's first tick, whatever arrives") {
    Harness harness;
    CHECK(harness.exit.next_due() == Mono::max());
    for (int i = 0; i < 20; ++i)
        harness.send(5, {1, 0, second(3), 45'000});
    CHECK(harness.exit.sessions() == 1);
    CHECK(harness.exit.stock(harness.id) == 100);
    CHECK(harness.tick(Mono{} + Milliseconds{2999}).empty());
    std::size_t replies = 0;
    for (int ms = 3000; ms < 4000; ++ms)
        replies += harness.tick(Mono{} + Milliseconds{ms}).size();
    CHECK(std::abs(static_cast<double>(replies) - 45) < 4 * std::sqrt(45));
    CHECK(harness.counters.replies == replies);
}

TEST_CASE("SURBs are spent first in first out, and every reply says how many are left") {
    Harness harness;
    for (int i = 0; i < 10; ++i)
        harness.send(5, full);
    unsigned spent = 0;
    for (int ms = 1; spent < 50; ++ms) {
        REQUIRE(ms < 5000);
        for (const auto& reply : harness.tick(Mono{} + Milliseconds{ms})) {
            ++spent;
            CHECK(reply.first_hop.bytes[1] == spent);
            const auto header = harness.header_of(reply);
            CHECK(header.number == spent);
            CHECK(header.stock == 50 - spent);
            CHECK(header.acks.largest == 10);
        }
    }
    // The next ticks find no SURB. They are missed, and not made up when SURBs arrive.
    const auto before = harness.now;
    CHECK(harness.tick(before + Milliseconds{200}).empty());
    CHECK(harness.counters.ticks_missed > 0);
    CHECK(harness.counters.replies == 50);
    for (int i = 0; i < 10; ++i)
        harness.send(5, full);
    CHECK(harness.tick(before + Milliseconds{201}).size() <= 2);
}

TEST_CASE("an exit knows the sum of the paces in force") {
    Harness harness;
    CHECK(harness.exit.pace() == 0);
    for (int i = 0; i < 4; ++i)
        harness.send(5, full);
    CHECK(harness.exit.pace() == 0);
    std::size_t replies = 0;
    for (int ms = 1; ms < 100; ++ms)
        replies += harness.tick(Mono{} + Milliseconds{ms}).size();
    CHECK(replies > 0);
    CHECK(harness.exit.pace() == 45);
    for (int ms = 100; ms < 2000; ++ms)
        replies += harness.tick(Mono{} + Milliseconds{ms}).size();
    CHECK(replies == 20);
    CHECK(harness.counters.ticks_missed > 60);
    harness.tick(harness.now + Seconds{5});
    harness.tick(harness.now + Seconds{132});
    CHECK(harness.exit.sessions() == 0);
    CHECK(harness.exit.pace() == 0);
}

TEST_CASE("a session without SURBs does not count, whatever its pace") {
    Harness harness;
    // Its packets keep it alive, and bring one SURB in all.
    const auto seconds = [&](int upto) {
        for (auto ms = std::chrono::floor<Milliseconds>(harness.now - Mono{}).count() + 1;
             ms <= 1000 * upto; ++ms) {
            if (ms % 1000 == 0) harness.send(0, full);
            harness.tick(Mono{} + Milliseconds{ms});
        }
    };
    harness.send(0, full);
    seconds(5);
    CHECK(harness.counters.ticks_missed > 200);
    CHECK(harness.exit.pace() == 0);
    // One SURB counts for 10 s.
    harness.send(1, full);
    seconds(8);
    CHECK(harness.exit.pace() == 45);
    seconds(30);
    CHECK(harness.exit.pace() == 0);
    CHECK(harness.exit.sessions() == 1);
}

TEST_CASE("a packet that arrives twice counts once") {
    Harness harness;
    const auto message = harness.message(4, full);
    harness.exit.on_message(message, harness.now, wall(harness.now));
    harness.exit.on_message(message, harness.now, wall(harness.now));
    CHECK(harness.exit.stock(harness.id) == 4);
}

TEST_CASE("a filler leaves nothing at an exit, and counts as no fault") {
    Harness harness;
    const base::Bytes filler(stream::message_size);
    harness.exit.on_message(filler, harness.now, wall(harness.now));
    CHECK(harness.exit.sessions() == 0);
    for (const auto dropped : harness.counters.dropped)
        CHECK(dropped == 0);
}

TEST_CASE("a malformed message is dropped whole: no session, no SURB, no schedule, no frame") {
    struct Row {
        const char* what;
        std::size_t size;
        std::size_t at;
        std::uint8_t value;
    };
    const Row rows[]{
        {"too short", stream::message_size - 1, 100, 0},
        {"too many SURBs", stream::message_size, 16, 6},
        {"an unknown frame", stream::message_size, stream::up_header_size, 99},
        {"a byte behind the frames", stream::message_size, stream::message_size - 1, 1},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Harness harness;
        auto message = harness.message(0, full);
        message.resize(row.size);
        message[row.at] = row.value;
        harness.exit.on_message(message, harness.now, wall(harness.now));
        CHECK(harness.exit.sessions() == 0);
        CHECK(dropped(harness.counters, relay::core::DropReason::malformed) == 1);

        harness.send(2, full);
        message = harness.message(4, {2, 0, 0, 0});
        if (row.at == stream::up_header_size) message[stream::message_size - 402] = 99;
        if (row.at == stream::message_size - 1) message.back() = 1;
        if (row.at == 16) message[16] = 6;
        message.resize(row.size);
        harness.exit.on_message(message, harness.now, wall(harness.now));
        CHECK(harness.exit.stock(harness.id) == 2);
        CHECK(harness.exit.next_due() < Mono{} + Seconds{1});
        CHECK(dropped(harness.counters, relay::core::DropReason::malformed) == 2);
    }
}

TEST_CASE("a SURB is spent while every hop of its reply still has the key") {
    struct Row {
        const char* what;
        int epochs_ahead;  // the SURB's epoch, counted from the epoch that ends at 3600 s
        double at;         // time of use, seconds from that epoch's start
        bool spent;
    };
    // Keys stay valid for 18.5 s after their epoch. A reply of four hops may need 2 s of that.
    const Row rows[]{
        {"in its epoch", 0, 1800, true},
        {"at its epoch's end", 0, 3599.9, true},
        {"16.4 s after it", 0, 3616.4, true},
        {"16.6 s after it", 0, 3616.6, false},
        {"of the next epoch, 76 s early", 1, 3524, false},
        {"of the next epoch, 74 s early", 1, 3526, true},
        {"of the epoch after the next", 2, 3599, false},
        {"of an epoch long gone", -2, 10, false},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Harness harness;
        auto message = harness.message(1, full);
        message[17] = static_cast<std::uint8_t>(message[17] + row.epochs_ahead);
        const auto wall = wall_start + Milliseconds{static_cast<int>(row.at * 1000)};
        harness.exit.on_message(message, Mono{}, wall_start);
        std::vector<ExitSessions::Reply> replies;
        harness.exit.tick(harness.exit.next_due() + ExitSessions::lead_most, wall, replies);
        CHECK(replies.size() == (row.spent ? 1 : 0));
        CHECK(harness.counters.ticks_missed == (row.spent ? 0 : 1));
        CHECK(harness.exit.stock(harness.id) == 0);
    }
}

TEST_CASE("replies are sealed before their moment of the beat, and leave at it") {
    Harness harness;
    for (int i = 0; i < 16; ++i)
        harness.send(5, full);
    harness.tick(Mono{} + Seconds{1});
    const auto& beat = harness.exit.beat();
    const auto lead = ExitSessions::lead_most;
    for (int i = 0; i < 10; ++i) {
        const auto before = harness.counters.replies;
        const auto moment = beat.at(beat.from(harness.now));
        CHECK(harness.exit.next_due() == moment - lead);
        CHECK_FALSE(harness.exit.wants_to_prepare(moment - lead - Milliseconds{1}));
        CHECK(harness.tick(moment - lead).empty());
        // The tick that may not be followed by a call of prepare() must not be due again.
        CHECK(harness.exit.next_due() == moment);
        REQUIRE(harness.exit.wants_to_prepare(harness.now));
        harness.exit.prepare(harness.now, wall(harness.now));
        CHECK_FALSE(harness.exit.wants_to_prepare(harness.now));
        CHECK(harness.counters.replies == before);
        CHECK(harness.tick(moment - base::Nanoseconds{1}).empty());
        CHECK(harness.exit.next_due() == moment);
        CHECK(harness.tick(moment).size() == 1);
        CHECK(harness.counters.replies == before + 1);
        harness.now = moment + base::Nanoseconds{1};
    }
}

TEST_CASE("ticks that a stall of more than 250 ms missed are lost") {
    Harness harness;
    for (int i = 0; i < 30; ++i)
        harness.send(5, full);
    // After 2 s without a call, only ticks that were due in the last 250 ms send a reply.
    const auto replies = harness.tick(Mono{} + Seconds{2}).size();
    CHECK(replies > 0);
    CHECK(replies < 11.25 + 4 * std::sqrt(11.25));
    const auto missed = static_cast<double>(harness.counters.ticks_missed);
    CHECK(std::abs(missed - 1.75 * 45) < 4 * std::sqrt(1.75 * 45));
}

TEST_CASE("ticks of hours in which the exit was suspended are not counted as missed") {
    Harness harness;
    harness.send(5, full);
    harness.now = Mono{} + Seconds{3600};
    harness.send(5, full);  // heard again before the exit's first tick
    harness.tick(harness.now);
    CHECK(harness.exit.sessions() == 1);
    CHECK(harness.counters.ticks_missed == 0);
    CHECK(harness.exit.next_due() > harness.now);
    CHECK(harness.exit.next_due() < harness.now + Milliseconds{50});
}

TEST_CASE("a session that falls silent ends, and its streams with it") {
    Harness harness;
    const auto id = *harness.client.open({"example.org", 80});
    // Its client has closed the first; the second client's link may be interrupted.
    bool closed = false;
    SUBCASE("closed") {
        closed = true;
    }
    SUBCASE("interrupted") {}
    const int limit = closed ? 10'000 : 130'000;
    harness.send(0, closed ? stream::Schedule{1, 0, 0, 0} : full);
    CHECK(harness.exit.take_events().size() == 1);
    for (int ms = 0; ms <= limit; ms += 100)
        harness.tick(Mono{} + Milliseconds{ms});
    CHECK(harness.exit.sessions() == 1);
    for (int ms = limit; ms <= limit + 1200; ms += 100)
        harness.tick(Mono{} + Milliseconds{ms});
    CHECK(harness.exit.sessions() == 0);
    CHECK(harness.exit.next_due() == Mono::max());
    const auto events = harness.exit.take_events();
    REQUIRE(events.size() == 2);
    CHECK(events[1].event.stream == 0);  // all have ended
    CHECK(events[0].session == harness.id);
    CHECK(events[0].event.stream == id);
    CHECK(events[0].event.kind == Event::Kind::reset);
    CHECK(events[0].event.reason == stream::ResetReason::session_ended);
    const relay::core::StreamRef gone{harness.id, id};
    base::Bytes bytes(10);
    CHECK(harness.exit.write(gone, bytes) == 0);
    CHECK(harness.exit.read(gone, bytes) == 0);
    harness.exit.reset(gone, stream::ResetReason::cancelled);
}

TEST_CASE("a stream runs through a session both ways, in replies that leave anyway") {
    Harness harness;
    const auto id = *harness.client.open({"example.org", 443});
    const relay::core::StreamRef ref{harness.id, id};
    harness.client.write(id, base::as_bytes("request"));
    harness.client.finish(id);
    std::string request;
    std::string answer;
    bool finished = false;
    std::size_t replies = 0;
    for (int ms = 0; ms < 3000; ++ms) {
        if (ms % 20 == 0) harness.send(ms % 80 == 0 ? 4 : 0, full);
        for (const auto& event : harness.exit.take_events()) {
            if (event.event.kind == Event::Kind::opened) {
                CHECK(event.event.target == stream::Target{"example.org", 443});
                harness.exit.accept(ref);
                CHECK(harness.exit.write(ref, base::as_bytes("answer")) == 6);
                harness.exit.finish(ref);
            }
            base::Bytes bytes(100);
            bytes.resize(harness.exit.read(ref, bytes));
            request += base::as_text(bytes);
        }
        for (const auto& reply : harness.tick(Mono{} + Milliseconds{ms})) {
            ++replies;
            harness.receive(reply);
        }
        for (const auto& event : harness.client.take_events()) {
            base::Bytes bytes(100);
            bytes.resize(harness.client.read(id, bytes));
            answer += base::as_text(bytes);
            finished = finished || event.kind == Event::Kind::finished;
        }
    }
    CHECK(request == "request");
    CHECK(answer == "answer");
    CHECK(finished);
    CHECK(harness.client.idle());
    CHECK(std::abs(static_cast<double>(replies) - 135) < 4 * std::sqrt(135));
}

TEST_CASE("a reply under a real SURB opens at its owner, and its cell carries the SURB's epoch") {
    directory::Parameters parameters;
    base::SeededRandom random{5};
    relay::core::Counters counters;
    ExitSessions exit{parameters, random, counters};
    std::vector<packet::KeyPair> keys;
    std::vector<packet::Hop> route;
    for (int hop = 0; hop < 4; ++hop) {
        keys.push_back(packet::generate_key_pair(random));
        route.push_back({random.id<base::NodeId>(), keys.back().public_key, 0});
    }
    const auto identifier = random.id<base::SurbId>();
    const auto mailbox = random.id<base::Destination>();
    const auto made =
        packet::make_surb(route, mailbox, identifier, packet::HeaderRandomness::draw(random));
    REQUIRE(made.has_value());

    stream::UpHeader header;
    header.session = random.id<base::SessionId>();
    header.surb_count = 1;
    header.surb_epoch = static_cast<std::uint8_t>(wall_start.time_since_epoch() / Seconds{3600});
    header.number = 1;
    header.schedule = full;
    base::Bytes message(stream::message_size);
    encode(header, message);
    std::copy(made->surb.begin(), made->surb.end(), message.begin() + stream::up_header_size);
    exit.on_message(message, Mono{}, wall_start);
    std::vector<ExitSessions::Reply> replies;
    for (int ms = 0; replies.empty(); ++ms)
        exit.tick(Mono{} + Milliseconds{ms}, wall_start + Milliseconds{ms}, replies);
    CHECK(replies[0].first_hop == route[0].address);
    CHECK(replies[0].cell->kind() == cell::Kind::packet);
    CHECK(replies[0].cell->epoch() == header.surb_epoch);

    base::Bytes packet(replies[0].cell->body().begin(), replies[0].cell->body().end());
    for (int hop = 0; hop < 4; ++hop) {
        const auto opened = packet::unwrap(packet, keys[hop].secret, packet::packet_size);
        REQUIRE(opened.has_value());
        if (hop < 3) CHECK(std::get<packet::Forward>(opened->what).next == route[hop + 1].address);
    }
    const auto plain =
        packet::recover(made->recovery, base::ByteView{packet}.subspan(packet::header_size));
    REQUIRE(plain.has_value());
    const auto down = stream::decode_down(*plain);
    REQUIRE(down.has_value());
    CHECK(down->number == 1);
    CHECK(down->stock == 0);
    CHECK(down->acks.largest == 1);
}
