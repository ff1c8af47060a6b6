// A relay under load and after a pause: loops, full queues and links, stalls, suspends, the end.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: own loops go out among the rest and are known when they return") {
    network.parameters().relay_loops = {100'000};
    Relay relay{network, "gateway-0"};
    relay.run(test::start, 1s);
    CHECK(relay.counters.loops_sent > 60);
    CHECK(relay.counters.loops_sent == relay.links.relays.size());
    CHECK(relay.counters.packets_out == relay.links.relays.size());
    // Carried by hand through layers 1 to 3, it comes back to the gateway.
    auto cell = relay.links.relays.front().cell;
    const auto sent = relay.links.relays.front().at;
    auto next = relay.links.relays.front().next;
    std::string before;
    while (next != relay.identity) {
        const auto* hop = network.document()->find(next);
        before = hop->name;
        const auto key = network.key(*hop, test::epoch);
        const auto opened = packet::unwrap(cell.body(), key->keys.secret, packet::packet_size);
        REQUIRE(opened);
        next = std::get<packet::Forward>(opened->what).next;
    }
    relay.take_from(before, std::make_unique<cell::Cell>(cell), sent + 200ms);
    CHECK(relay.counters.loops_returned == 1);
    CHECK(relay.pipeline.held() == 0);  // accounted on arrival, no delay of its own
    CHECK(relay.pipeline.take_loop_round_trips() == std::vector<base::Nanoseconds>{200ms});
    CHECK(relay.dropped() == 0);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: own loops have no place of their own among what leaves") {
    network.parameters().relay_loops = {200'000};
    Relay relay{network, "mix-1-0"};
    const auto key = network.key(network.named("mix-1-0"), test::epoch);
    std::vector<base::Bytes> forwarded;  // as the next relay gets them
    for (int i = 0; i < 40; ++i) {
        auto cell = network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"}, 200'000'000,
                                   mailbox(), identifier);
        auto copy = *cell;
        REQUIRE(packet::unwrap(copy.body(), key->keys.secret, packet::packet_size));
        const auto body = copy.body();
        forwarded.emplace_back(body.begin(), body.end());
        relay.take_from("gateway-0", std::move(cell));
    }
    relay.tick(test::start + 200ms);  // all of them and about 40 loops in one tick
    double loops = 0;
    double packets = 0;
    double behind = 0;  // pairs of a packet and a loop behind it
    for (const auto& left : relay.links.relays) {
        const auto is_this = [&](const auto& known) {
            return std::ranges::equal(known, left.cell.body());
        };
        if (std::any_of(forwarded.begin(), forwarded.end(), is_this)) {
            ++packets;
        } else {
            ++loops;
            behind += packets;
        }
    }
    REQUIRE(packets == 40);
    REQUIRE(loops > 10);
    // Mann and Whitney's U: mean nm/2, variance nm(n + m + 1)/12.
    const double pairs = packets * loops;
    CHECK(std::abs(behind - pairs / 2) < 4 * std::sqrt(pairs * (packets + loops + 1) / 12));
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: a link that is missing or full loses the packet with its reason") {
    struct Case {
        SendResult answer;
        DropReason reason;
    };
    for (const auto& c : {Case{SendResult::no_link, DropReason::unreachable},
                          Case{SendResult::queue_full, DropReason::overflow}}) {
        Relay relay{network, "mix-1-0"};
        relay.links.answer = c.answer;
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    0, mailbox(), identifier));
        relay.tick(test::start);
        CHECK(relay.dropped(c.reason) == 1);
        CHECK(relay.counters.packets_out == 0);
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: a burst over the queue's bound costs random victims, not the law") {
    relay::core::PipelineOptions options;
    options.mix_capacity = 50;
    Relay relay{network, "mix-1-0", nullptr, options};
    for (int i = 0; i < 300; ++i)
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    40'000'000, mailbox(), identifier));
    CHECK(relay.pipeline.held() == 50);
    CHECK(relay.dropped(DropReason::overflow) == 250);
    relay.tick(test::start + 40ms - 500us - 1ns);
    CHECK(relay.links.relays.empty());
    relay.tick(test::start + 40ms);
    CHECK(relay.links.relays.size() == 50);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: only genuine packets take replay room") {
    relay::core::PipelineOptions options;
    options.replay_room = {1, 20s};  // 20 at once: half for any neighbour, a quarter for each
    Relay relay{network, "mix-1-0", nullptr, options};
    for (int i = 0; i < 100; ++i)
        relay.take_from("gateway-0", std::make_unique<cell::Cell>(cell::Cell::packet(
                                         base::Bytes(cell::body_size), test::epoch.low_byte())));
    CHECK(relay.dropped(DropReason::malformed) == 100);
    CHECK_FALSE(relay.pipeline.replay_room_short(test::start));
    for (int i = 0; i < 30; ++i)
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    40'000'000, mailbox(), identifier));
    CHECK(relay.pipeline.held() == 10);
    CHECK(relay.dropped(DropReason::admission) == 20);
    CHECK(relay.pipeline.replay_room_short(test::start));
    // The other gateway has its own part.
    for (int i = 0; i < 30; ++i)
        relay.take_from("gateway-1", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    40'000'000, mailbox(), identifier));
    CHECK(relay.pipeline.held() == 15);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: it says that a replay filter holds what it is made for") {
    relay::core::PipelineOptions options;
    options.replay_room = {1, 20s};  // made for 20
    Relay relay{network, "mix-1-0", nullptr, options};
    const auto take = [&](int count, base::Mono at) {
        for (int i = 0; i < count; ++i)
            relay.take_from("gateway-0",
                            network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                           40'000'000, mailbox(), identifier),
                            at);
    };
    take(10, test::start);
    take(9, test::start + 60s);
    REQUIRE(relay.pipeline.held() == 19);
    CHECK_FALSE(relay.pipeline.replay_filter_full());
    take(1, test::start + 60s);
    CHECK(relay.pipeline.replay_filter_full());
    // Without a bound nothing is full.
    Relay unbounded{network, "mix-1-0"};
    CHECK_FALSE(unbounded.pipeline.replay_filter_full());
}

TEST_CASE_FIXTURE(Fixture, "pipeline: between two ticks nothing is kept of what has left") {
    for (const std::uint32_t loops : {0U, 200'000U}) {
        CAPTURE(loops);
        network.parameters().relay_loops = {loops};
        Relay relay{network, "mix-1-0"};
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    0, mailbox(), identifier));
        relay.tick(test::start + 100ms);
        REQUIRE(relay.links.relays.size() > (loops > 0 ? 1 : 0));
        base::Holdings held;
        relay.pipeline.list_holdings(held);
        const auto kept = std::ranges::find(held, "Pipeline.released", &base::Holding::table);
        REQUIRE(kept != held.end());
        CHECK(kept->entries == 0);
    }
}

TEST_CASE_FIXTURE(Fixture, "pipeline: draining flushes nothing and takes nothing") {
    network.parameters().relay_loops = {100'000};
    Relay relay{network, "mix-1-0"};
    relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                300'000'000, mailbox(), identifier));
    relay.pipeline.drain();
    CHECK(relay.pipeline.next_due() == test::start + 300ms - 500us);
    relay.run(test::start, 299ms);
    CHECK(relay.links.relays.empty());
    CHECK(relay.pipeline.held() == 1);
    relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"}, 0,
                                                mailbox(), identifier));
    CHECK(relay.counters.packets_in == 1);
    relay.tick(test::start + 300ms);
    CHECK(relay.links.relays.size() == 1);
    CHECK(relay.pipeline.held() == 0);
    CHECK(relay.pipeline.next_due() == base::Mono::max());
}

TEST_CASE_FIXTURE(Fixture, "pipeline: after a stall or a suspend nothing overdue bursts out") {
    for (const bool suspended : {false, true}) {
        CAPTURE(suspended);
        Relay relay{network, "mix-1-0"};
        for (int i = 0; i < 20; ++i)
            relay.take_from("gateway-0",
                            network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                           10'000'000, mailbox(), identifier));
        if (suspended) {
            relay.pipeline.slept(10min);
            relay.tick(test::start + 5ms);
        } else {
            relay.tick(test::start + 10min);
        }
        CHECK(relay.links.relays.empty());
        CHECK(relay.dropped(DropReason::delay) == 20);
    }
}

TEST_CASE_FIXTURE(Fixture, "pipeline: what a worker had during a suspend is overdue as well") {
    for (const bool suspended : {false, true}) {
        CAPTURE(suspended);
        Relay relay{network, "mix-1-0"};
        auto work =
            relay.pipeline.accept({&network.named("gateway-0"), {}},
                                  network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-1"},
                                                 50'000'000, mailbox(), identifier),
                                  test::start, network.wall());
        REQUIRE(work);
        std::vector<relay::core::Work> batch;
        batch.push_back(std::move(*work));
        relay::core::unwrap(batch);
        if (suspended) relay.pipeline.slept(10min);
        relay.pipeline.unwrapped(batch);
        relay.run(test::start, 100ms);
        CHECK(relay.links.relays.size() == (suspended ? 0 : 1));
        CHECK(relay.dropped(DropReason::delay) == (suspended ? 1 : 0));
    }
}

TEST_CASE_FIXTURE(Fixture, "pipeline: the same seed and the same calls give the same bytes") {
    network.parameters().relay_loops = {50'000};
    std::vector<cell::CellBox> packets;
    for (int i = 0; i < 30; ++i)
        packets.push_back(network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                         static_cast<std::uint64_t>(i % 3) * 1'000'000, mailbox(),
                                         identifier));
    std::vector<base::Bytes> runs;
    for (int run = 0; run < 2; ++run) {
        Relay relay{network, "mix-1-0"};
        for (const auto& packet : packets)
            relay.take_from("gateway-0", std::make_unique<cell::Cell>(*packet));
        relay.run(test::start, 200ms);
        base::Bytes all;
        for (const auto& left : relay.links.relays) {
            const auto bytes = left.cell.bytes();
            all.insert(all.end(), bytes.begin(), bytes.end());
        }
        CHECK(relay.links.relays.size() > 30);
        runs.push_back(std::move(all));
    }
    CHECK(runs[0] == runs[1]);
}
