// An exit's memory is bounded, whatever its clients do.
#include "tests/unit/relay/core/exit/exit_harness.hpp"

using namespace nightjar;
using namespace nightjar::exit_test;

TEST_CASE("the stock is bounded by twice the law's; the oldest goes") {
    Harness harness;
    for (int i = 0; i < 200; ++i)
        harness.send(5, {1, 0, second(1), 45'000});
    const auto bound = 2 * harness.parameters.surb_stock_target(harness.parameters.replies) + 64;
    CHECK(harness.exit.stock(harness.id) == bound);
    std::vector<ExitSessions::Reply> replies;
    for (int ms = 1000; replies.empty(); ++ms)
        replies = harness.tick(Mono{} + Milliseconds{ms});
    const auto first = replies[0].first_hop.bytes[0] * 256U + replies[0].first_hop.bytes[1];
    CHECK(first == 1000 - bound + 1);
}

TEST_CASE("sessions are bounded: one too many ends the one that has sent least lately") {
    relay::core::ExitLimits limits;
    limits.sessions_max = 3;
    Harness harness{limits};
    const auto say = [&](std::uint8_t i, int second) {
        harness.now = Mono{} + Seconds{second};
        if (harness.id.bytes[0] != i) harness.number = static_cast<stream::PacketNumber>(second);
        harness.id.bytes.fill(i);
        harness.send(2, full);
    };
    const auto lives = [&](std::uint8_t i) {
        base::SessionId id;
        id.bytes.fill(i);
        return harness.exit.stock(id) > 0;
    };
    say(1, 1);
    say(2, 2);
    say(3, 3);
    for (int packet = 0; packet < 5; ++packet)
        say(1, 4);  // now session 2 has sent least
    say(4, 5);
    CHECK(harness.exit.sessions() == 3);
    CHECK((lives(1) && !lives(2) && lives(3) && lives(4)));
    // A flood of sessions with one packet each never ends a session that keeps to the law's least.
    for (int i = 0; i < 100; ++i) {
        for (int packet = 0; packet < 10; ++packet)
            say(1, 9 + 2 * i);
        say(static_cast<std::uint8_t>(10 + i), 10 + 2 * i);
        CHECK(lives(1));
    }
    CHECK(harness.exit.sessions() == 3);
    CHECK(dropped(harness.counters, relay::core::DropReason::overflow) == 101);
}

TEST_CASE("where all sessions are lively one too many finds no place, and ends none") {
    relay::core::ExitLimits limits;
    limits.sessions_max = 20;
    Harness harness{limits};
    struct Client {
        base::SessionId id;
        stream::PacketNumber number = 0;
        Mono next;
    };
    // 21 clients with five packets per second, the rate of a session on trial, each after a delay.
    std::vector<Client> clients(21);
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].id.bytes.fill(static_cast<std::uint8_t>(i + 1));
        clients[i].next = Mono{} + i * Milliseconds{1};
    }
    const auto lives = [&](const Client& client) { return harness.exit.stock(client.id) > 0; };
    for (int packets = 0; packets < 21 * 5 * 60; ++packets) {
        auto& client = *std::min_element(clients.begin(), clients.end(),
                                         [](auto& a, auto& b) { return a.next < b.next; });
        harness.now = client.next;
        harness.id = client.id;
        harness.number = client.number;
        harness.send(1, full);
        client.number = harness.number;
        client.next += base::from_seconds(0.1 + 0.2 * harness.random.unit());
        if (packets >= 21) CHECK(std::count_if(clients.begin(), clients.end() - 1, lives) == 20);
    }
    CHECK_FALSE(lives(clients.back()));
    // When one has been silent for ten seconds, a new session finds its place.
    for (int step = 0; step < 51; ++step) {
        harness.now += Milliseconds{200};
        for (std::size_t i = 1; i < clients.size(); ++i) {
            harness.id = clients[i].id;
            harness.number = clients[i].number;
            harness.send(1, full);
            clients[i].number = harness.number;
            if (step < 45) CHECK(lives(clients.front()));
        }
    }
    CHECK_FALSE(lives(clients.front()));
    CHECK(lives(clients.back()));
}

TEST_CASE("what SURBs take counts with the room that is kept for more, and goes with them") {
    Harness harness;
    harness.send(1, full);
    const auto small = harness.exit.memory();
    for (int i = 0; i < 40; ++i)
        harness.send(5, full);
    const auto held = harness.exit.stock(harness.id);
    CHECK(held == 201);
    const auto large = harness.exit.memory();
    CHECK(large > small + 225 * packet::surb_size);  // the capacity is 234
    CHECK(large < small + held * packet::surb_size * 8 / 5);
    for (int ms = 1; harness.exit.stock(harness.id) > 1; ++ms) {
        REQUIRE(ms < 20'000);
        harness.tick(Mono{} + Milliseconds{ms});
    }
    CHECK(harness.exit.memory() < small + 4 * packet::surb_size);
}

TEST_CASE("streams that carry nothing count among what sessions hold") {
    relay::core::ExitLimits limits;
    limits.memory_max = 100'000;
    Harness harness{limits};
    for (std::uint8_t i = 1; i <= 20; ++i) {
        harness.id.bytes.fill(i);
        harness.number = 0;
        harness.client = Mux{Side::client};
        for (int streams = 0; streams < 100; ++streams)
            REQUIRE(harness.client.open({"a.org", 80}));
        harness.send(0, full);
        CHECK(harness.exit.memory() <= limits.memory_max);
    }
    CHECK(harness.exit.memory() > limits.memory_max / 2);
    CHECK(harness.exit.sessions() < 6);
}

TEST_CASE(
    "what all sessions hold is bounded: of those that pay the same the one that holds most ends") {
    relay::core::ExitLimits limits;
    limits.memory_max = 100'000;
    Harness harness{limits};
    const auto begin_session = [&](std::uint8_t i) {
        harness.id.bytes.fill(i);
        harness.number = 0;
        harness.client = Mux{Side::client};
        return relay::core::StreamRef{harness.id, *harness.client.open({"example.org", 80})};
    };
    std::vector<relay::core::StreamRef> streams;
    for (std::uint8_t i = 1; i <= 4; ++i) {
        streams.push_back(begin_session(i));
        harness.send(2, full);
        harness.exit.accept(streams.back());
    }
    CHECK(harness.exit.take_events().size() == 4);
    // Unacknowledged bytes from targets, and SURBs.
    const base::Bytes bytes(16'384);
    CHECK(harness.exit.write(streams[0], bytes) == bytes.size());
    CHECK(harness.exit.write(streams[1], bytes) == bytes.size());
    CHECK(harness.exit.write(streams[1], bytes) == bytes.size());
    CHECK(harness.exit.memory() > 3 * bytes.size());
    CHECK(harness.exit.memory() < 3 * bytes.size() + 10'000);
    CHECK(harness.exit.write(streams[2], bytes) == bytes.size());
    CHECK(harness.exit.sessions() == 4);
    CHECK(harness.exit.write(streams[2], bytes) == bytes.size());
    CHECK(harness.exit.write(streams[2], bytes) > 0);
    CHECK(harness.exit.sessions() == 3);
    CHECK(harness.exit.memory() <= limits.memory_max);
    const auto events = harness.exit.take_events();
    REQUIRE(events.size() == 2);
    CHECK(events[1].event.stream == 0);
    CHECK(events[0].session == streams[2].session);
    CHECK(events[0].event.kind == Event::Kind::reset);
    CHECK(events[0].event.reason == stream::ResetReason::overload);
    CHECK(dropped(harness.counters, relay::core::DropReason::overflow) == 1);
    CHECK(harness.exit.write(streams[2], bytes) == 0);
    // A target's bytes count until they are acknowledged, also behind its end.
    harness.exit.reset(streams[1], stream::ResetReason::cancelled);
    CHECK(harness.exit.memory() > 3 * bytes.size());
    CHECK(harness.exit.memory() < 3 * bytes.size() + 10'000);
    // Bytes from a client count too.
    for (std::uint8_t i = 10; i < 40; ++i) {
        begin_session(i);
        for (int packets = 0; packets < 20; ++packets)
            harness.send(5, full);
        CHECK(harness.exit.memory() <= limits.memory_max);
    }
    CHECK(harness.exit.sessions() < 10);
    harness.tick(Mono{} + Seconds{132});
    CHECK(harness.exit.sessions() == 0);
    CHECK(harness.exit.memory() == 0);
}

TEST_CASE("a session that pays no more loses what it holds before one that holds more and pays") {
    relay::core::ExitLimits limits;
    limits.memory_max = 100'000;
    Harness harness{limits};
    stream::PacketNumber number = 0;
    const auto say = [&](std::uint8_t i, Milliseconds at, std::uint8_t surbs) {
        harness.now = Mono{} + at;
        harness.id.bytes.fill(i);
        harness.number = ++number;
        harness.send(surbs, full);
    };
    for (std::uint8_t i = 1; i <= 3; ++i)
        for (int packets = 0; packets < 10; ++packets)
            say(i, Milliseconds{i}, 5);
    const auto overflows = [&] {
        return dropped(harness.counters, relay::core::DropReason::overflow);
    };
    const auto stock = [&](std::uint8_t i) {
        base::SessionId id;
        id.bytes.fill(i);
        return harness.exit.stock(id);
    };
    // Session 2 pays on, and none of the three holds more by then.
    for (int packet = 0; packet < 400; ++packet)
        say(2, Milliseconds{1'000 + packet * 25}, 0);
    for (int packet = 0; overflows() < 1; ++packet) {
        REQUIRE(packet < 400);
        say(10, Milliseconds{11'000 + packet * 25}, 3);
    }
    CHECK(stock(1) == 0);  // it has paid a little earlier than session 3
    CHECK(stock(2) == 50);
    CHECK(stock(10) > 30);
    for (int packet = 0; overflows() < 2; ++packet) {
        REQUIRE(packet < 400);
        say(10, Milliseconds{21'000 + packet * 25}, 3);
    }
    CHECK(stock(3) == 0);
    CHECK(stock(2) == 50);
}
