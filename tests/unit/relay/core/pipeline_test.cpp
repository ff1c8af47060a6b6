#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;

TEST_CASE_FIXTURE(Fixture, "pipeline: five hops, each unwrapped, held and passed on") {
    const std::vector<std::string> names{"gateway-0", "mix-1-1", "mix-2-0", "mix-3-1", "gateway-1"};
    relay::core::Counters exit_counters;
    base::SeededRandom random{9};
    relay::core::ExitSessions sessions{network.parameters(), random, exit_counters};
    auto cell = network.packet(names, 20'000'000, own("gateway-1"), {}, base::as_bytes("hello"));
    auto at = test::start;
    for (std::size_t hop = 0; hop < names.size(); ++hop) {
        CAPTURE(names[hop]);
        const bool last = hop + 1 == names.size();
        Relay relay{network, names[hop], last ? &sessions : nullptr};
        if (hop == 0) {
            relay.pipeline.client_connected(client, this_machine, at);
            relay.take({nullptr, client}, std::move(cell), at);
        } else {
            relay.take_from(names[hop - 1], std::move(cell), at);
        }
        REQUIRE(relay.pipeline.held() == 1);
        if (last) {
            relay.run(at, 501ms);
            CHECK(relay.counters.exit_payloads == 1);
            CHECK(relay.links.relays.empty());
        } else if (hop == 0) {
            // A client's packet enters at a moment of the gateway's own (entry_gate_test).
            relay.run(at, 60ms);
            REQUIRE(relay.links.relays.size() == 1);
            const auto& left = relay.links.relays.front();
            CHECK(left.next == network.named(names[1]).identity);
            CHECK(left.at >= at + 20ms + 9ms);
            CHECK(left.at <= at + 20ms + 28ms);
            CHECK(std::abs(static_cast<double>(relay.counters.held_ns) - 20e6) <= 0.5e6);
            cell = std::make_unique<cell::Cell>(left.cell);
            at = left.at;
        } else {
            CHECK(relay.pipeline.next_due() <= at + 20ms);
            relay.tick(at + 20ms - 500us - 1ns);  // the next tick is nearer to its time
            CHECK(relay.links.relays.empty());
            relay.tick(at + 20ms);
            REQUIRE(relay.links.relays.size() == 1);
            const auto& left = relay.links.relays.front();
            CHECK(left.next == network.named(names[hop + 1]).identity);
            CHECK(left.cell.epoch() == test::epoch.low_byte());
            CHECK(relay.counters.packets_out == 1);
            CHECK(relay.counters.held_ns == 20'000'000);
            CHECK(relay.counters.asked_ns == 20'000'000);
            cell = std::make_unique<cell::Cell>(left.cell);
            at += 20ms;
        }
        CHECK(relay.counters.packets_in == 1);
        CHECK(relay.counters.packets_in_client == (hop == 0 ? 1 : 0));
        CHECK(relay.counters.held_packets == 1);
        CHECK(relay.dropped() == 0);
        CHECK(relay.pipeline.held() == 0);
    }
}

TEST_CASE_FIXTURE(Fixture, "pipeline: release counts from arrival, so crypto time is absorbed") {
    Relay relay{network, "mix-1-0"};
    auto work = relay.pipeline.accept({&network.named("gateway-0"), {}},
                                      network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                     30'000'000, mailbox(), identifier),
                                      test::start, network.wall());
    REQUIRE(work);
    relay.run(test::start, 25ms);  // the workers take 25 ms
    std::vector<relay::core::Work> batch;
    batch.push_back(std::move(*work));
    relay::core::unwrap(batch);
    relay.pipeline.unwrapped(batch);
    CHECK(relay.pipeline.next_due() == test::start + 30ms - 500us);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: every reason to drop, and nothing leaves for it") {
    const std::vector<std::string> good{"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"};
    const std::uint64_t cap = 500'000'000;
    const auto past = [&](const std::vector<std::string>& names) {
        return network.packet(names, 1'000'000, mailbox(), identifier);
    };
    struct Case {
        const char* what;
        const char* relay;
        const char* from;
        cell::CellBox cell;
        int reason;  // -1: held
    };
    const auto flipped = [](cell::CellBox cell, std::size_t byte) {
        cell->body()[byte] ^= 1;
        return cell;
    };
    const auto with_delay = [&](std::uint64_t delay) {
        return network.packet(good, delay, mailbox(), identifier);
    };
    std::vector<Case> cases;
    const auto add = [&](const char* what, const char* relay, const char* from, cell::CellBox cell,
                         int reason) {
        cases.push_back({what, relay, from, std::move(cell), reason});
    };
    const int malformed = static_cast<int>(DropReason::malformed);
    const int misrouted = static_cast<int>(DropReason::misrouted);
    const int delay = static_cast<int>(DropReason::delay);
    const int unreachable = static_cast<int>(DropReason::unreachable);
    add("a good one", "mix-1-0", "gateway-0", past(good), -1);
    add("alpha changed", "mix-1-0", "gateway-0", flipped(past(good), 3), malformed);
    add("MAC changed", "mix-1-0", "gateway-0", flipped(past(good), 40), malformed);
    add("beta changed", "mix-1-0", "gateway-0", flipped(past(good), 200), malformed);
    add("alpha of low order", "mix-1-0", "gateway-0",
        std::make_unique<cell::Cell>(
            cell::Cell::packet(base::Bytes(cell::body_size), test::epoch.low_byte())),
        malformed);
    add("another relay's key", "mix-1-0", "gateway-0", past({"mix-1-1", "mix-2-0"}), malformed);
    // The payload is not authenticated by a hop: no early signal.
    add("payload changed", "mix-1-0", "gateway-0", flipped(past(good), 1000), -1);
    add("to its own layer", "mix-1-0", "gateway-0", past({"mix-1-0", "mix-1-1"}), misrouted);
    add("to itself", "mix-1-0", "gateway-0", past({"mix-1-0", "mix-1-0"}), misrouted);
    add("over a layer", "mix-1-0", "gateway-0", past({"mix-1-0", "mix-3-0"}), misrouted);
    add("back to the gateway", "mix-1-0", "gateway-0", past({"mix-1-0", "gateway-0"}), misrouted);
    add("from a wrong layer", "mix-2-0", "gateway-0", past({"mix-2-0", "mix-3-0"}), misrouted);
    add("delay at the cap", "mix-1-0", "gateway-0", with_delay(cap), -1);
    add("delay above the cap", "mix-1-0", "gateway-0", with_delay(cap + 1), delay);
    add("delay of 2^63", "mix-1-0", "gateway-0", with_delay(1ull << 63), delay);
    add("delay of 2^64 - 1", "mix-1-0", "gateway-0", with_delay(~0ull), delay);
    add("delay of 0", "mix-1-0", "gateway-0", with_delay(0), -1);
    add("ends at a mix", "mix-1-0", "gateway-0", past({"mix-1-0"}), misrouted);
    add("nobody's loop", "mix-1-0", "gateway-0",
        network.packet({"mix-1-0"}, 0, own("mix-1-0"), identifier), misrouted);
    add("exit payload where no exit is", "gateway-0", "mix-3-0",
        network.packet({"gateway-0"}, 0, own("gateway-0"), {}), misrouted);
    add("mailbox that is not connected", "gateway-0", "mix-3-0", past({"gateway-0"}), unreachable);
    add("mailbox without identifier", "gateway-0", "mix-3-0",
        network.packet({"gateway-0"}, 0, mailbox(), {}), misrouted);
    for (auto& c : cases) {
        CAPTURE(c.what);
        Relay relay{network, c.relay};
        relay.take_from(c.from, std::move(c.cell));
        CHECK(relay.pipeline.held() == (c.reason < 0 ? 1 : 0));
        CHECK(relay.dropped() == (c.reason < 0 ? 0 : 1));
        if (c.reason >= 0) CHECK(relay.counters.dropped[static_cast<std::size_t>(c.reason)] == 1);
        CHECK(relay.pipeline.next_due() >=
              (c.reason < 0 ? test::start - 500us : base::Mono::max()));
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: a packet is taken once, also when the first try was dropped") {
    const std::vector<std::string> good{"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"};
    Relay relay{network, "mix-1-0"};
    const auto first = network.packet(good, 5'000'000, mailbox(), identifier);
    const auto again = [&](const cell::CellBox& cell) {
        relay.take_from("gateway-0", std::make_unique<cell::Cell>(*cell));
    };
    again(first);
    again(first);
    CHECK(relay.pipeline.held() == 1);
    CHECK(relay.dropped(DropReason::replayed) == 1);
    // Only the header makes a packet: another payload behind the same header is a replay as well.
    auto other_payload = std::make_unique<cell::Cell>(*first);
    other_payload->body()[2000] ^= 1;
    again(other_payload);
    CHECK(relay.dropped(DropReason::replayed) == 2);
    // A forged copy that fails its MAC leaves no tag behind.
    const auto second = network.packet(good, 5'000'000, mailbox(), identifier);
    auto forged = std::make_unique<cell::Cell>(*second);
    forged->body()[100] ^= 1;
    again(forged);
    again(second);
    CHECK(relay.pipeline.held() == 2);
    // What the cap refuses has been seen all the same.
    const auto late = network.packet(good, 600'000'000, mailbox(), identifier);
    again(late);
    again(late);
    CHECK(relay.dropped(DropReason::delay) == 1);
    CHECK(relay.dropped(DropReason::replayed) == 3);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: a replay within one batch, and a key forgotten meanwhile") {
    Relay relay{network, "mix-1-0"};
    const Origin gateway{&network.named("gateway-0"), {}};
    const auto packet =
        network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"}, 0, mailbox(), identifier);
    std::vector<relay::core::Work> batch;
    for (int i = 0; i < 3; ++i) {
        auto work = relay.pipeline.accept(gateway, std::make_unique<cell::Cell>(*packet),
                                          test::start, network.wall());
        REQUIRE(work);
        batch.push_back(std::move(*work));
    }
    relay::core::unwrap(batch);
    std::vector<relay::core::Work> later;
    later.push_back(std::move(batch.back()));
    batch.pop_back();
    relay.pipeline.unwrapped(batch);
    CHECK(relay.pipeline.held() == 1);
    CHECK(relay.dropped(DropReason::replayed) == 1);
    relay.keyring.forget(network.wall() + 24h);
    relay.pipeline.unwrapped(later);
    CHECK(relay.dropped(DropReason::malformed) == 1);
    CHECK(relay.pipeline.held() == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: a delivery waits its hop's delay and leaves in the next slot") {
    Relay relay{network, "gateway-0"};
    relay.pipeline.client_connected(client, this_machine, test::start);
    const auto packet = network.packet({"gateway-0"}, 0, mailbox(), identifier,
                                       base::as_bytes("sealed for its owner"));
    relay.take_from("mix-3-0", std::make_unique<cell::Cell>(*packet));
    CHECK(relay.pipeline.held() == 1);
    relay.run(test::start, 600ms);
    REQUIRE(relay.links.deliveries.size() == 1);
    CHECK(relay.counters.deliveries == 1);
    CHECK(relay.counters.down_cells == relay.links.padding + 1);
    CHECK((relay.counters.down_cells >= 35 && relay.counters.down_cells <= 37));
    const auto body = relay.links.deliveries.front().body();
    CHECK(std::ranges::equal(body.first(16), identifier.bytes));
    // The payload as the hop's own unwrap gives it.
    auto alone = *packet;
    const auto key = network.key(network.named("gateway-0"), test::epoch);
    REQUIRE(packet::unwrap(alone.body(), key->keys.secret, packet::packet_size));
    CHECK(std::ranges::equal(body.subspan(16, 2065), relay::core::final_payload(alone)));
    // A client that left before its delivery was due gets none later.
    const auto other = network.packet({"gateway-0"}, 0, mailbox(), identifier);
    relay.take_from("mix-3-0", std::make_unique<cell::Cell>(*other), test::start + 600ms);
    relay.pipeline.client_gone(client, test::start + 600ms);
    relay.run(test::start + 600ms, 600ms);
    CHECK(relay.links.deliveries.size() == 1);
    CHECK(relay.dropped(DropReason::unreachable) == 1);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: a client's admitted packets pay for its downlink") {
    Relay relay{network, "gateway-0"};
    relay.pipeline.client_connected(client, this_machine, test::start);
    relay.run(test::start, 30s);
    CHECK(relay.links.padding == 576);
    relay.take({nullptr, client}, network.packet({"gateway-0"}, 0, mailbox(), identifier),
               test::start + 30s);
    relay.run(test::start + 30s, 1s);
    CHECK(relay.links.padding == 578);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: a client's packet may not end at its own gateway") {
    base::SeededRandom random{3};
    relay::core::Counters exit_counters;
    relay::core::ExitSessions sessions{network.parameters(), random, exit_counters};
    Relay relay{network, "gateway-0", &sessions};
    relay.pipeline.client_connected(client, this_machine, test::start);
    const Origin from{nullptr, client};
    relay.take(from, network.packet({"gateway-0"}, 0, mailbox(), identifier), test::start);
    relay.take(from, network.packet({"gateway-0"}, 0, own("gateway-0"), {}), test::start);
    relay.take(from, network.packet({"gateway-0"}, 0, own("gateway-0"), identifier), test::start);
    CHECK(relay.dropped(DropReason::misrouted) == 3);
    CHECK(relay.pipeline.held() == 0);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: an exit payload that does not open is malformed") {
    base::SeededRandom random{3};
    relay::core::Counters exit_counters;
    relay::core::ExitSessions sessions{network.parameters(), random, exit_counters};
    Relay relay{network, "gateway-0", &sessions};
    auto tagged = network.packet({"gateway-0"}, 0, own("gateway-0"), {}, base::as_bytes("hello"));
    tagged->body()[1500] ^= 1;
    relay.take_from("mix-3-0", std::move(tagged));
    CHECK(relay.pipeline.held() == 1);  // held like any other: the tag shows nothing
    relay.run(test::start, 501ms);
    CHECK(relay.counters.exit_payloads == 0);
    CHECK(relay.dropped(DropReason::malformed) == 1);
}

TEST_CASE_FIXTURE(
    Fixture,
    "pipeline: where a newer document's delays are longer, keys outlive their epoch by "
    "as much") {
    Relay relay{network, "mix-1-0"};
    const auto ended = directory::epoch_start(test::epoch.next(), 900s);
    const auto accepted = [&](base::Nanoseconds after) {
        const auto at = ended + std::chrono::duration_cast<base::Milliseconds>(after);
        return relay.keyring.find(test::epoch.low_byte(), at) != nullptr;
    };
    CHECK_FALSE(accepted(19s));
    auto slower = std::make_shared<directory::Document>(*network.document());
    slower->parameters.mean_delay = 100ms;
    relay.pipeline.use(slower);
    CHECK(accepted(19s));
    CHECK(accepted(21s - 1ms));
    CHECK_FALSE(accepted(21s));
    // Back to shorter ones: what is under way was made for the longer.
    relay.pipeline.use(network.document());
    CHECK(accepted(21s - 1ms));
}

TEST_CASE_FIXTURE(Fixture, "pipeline: what is held when the law changes leaves by the old law") {
    Relay relay{network, "mix-1-0"};
    const auto take = [&](std::uint64_t delay_ms, base::Mono at) {
        relay.take_from("gateway-0",
                        network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                       delay_ms * 1'000'000, mailbox(), identifier),
                        at);
    };
    take(40, test::start);
    auto newer = std::make_shared<directory::Document>(*network.document());
    newer->parameters.mixing = {.law = directory::MixLaw::threshold, .packets = 3};
    relay.pipeline.use(newer);
    CHECK(relay.pipeline.held() == 1);
    take(0, test::start);
    take(0, test::start + 20ms);
    CHECK(relay.pipeline.held() == 3);
    CHECK(relay.pipeline.next_due() <= test::start + 40ms);
    relay.run(test::start + 1ms, 38ms);
    CHECK(relay.links.relays.empty());
    relay.run(test::start + 40ms, 3ms);
    CHECK(relay.links.relays.size() == 1);  // by its own delay
    CHECK(relay.pipeline.next_due() > test::start + 40ms);
    relay.run(test::start + 44ms, 10ms);
    CHECK(relay.links.relays.size() == 3);  // by the time that one has waited
    CHECK(relay.links.relays.back().at == test::start + 50ms);
    CHECK(relay.pipeline.held() == 0);
    CHECK(relay.pipeline.next_due() == base::Mono::max());
    CHECK(relay.dropped() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: where the relay mixes by itself, a packet's delay is ignored") {
    network.parameters().mixing = {.law = directory::MixLaw::threshold, .packets = 2};
    Relay relay{network, "mix-1-0"};
    for (const std::uint64_t delay : {0, 50'000'000})
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    delay, mailbox(), identifier));
    relay.tick(test::start + 1ms);
    CHECK(relay.links.relays.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "pipeline: a suspend makes what is held late in every mix") {
    Relay relay{network, "mix-1-0"};
    const auto take = [&] {
        relay.take_from("gateway-0", network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                                    50'000'000, mailbox(), identifier));
    };
    take();
    auto newer = std::make_shared<directory::Document>(*network.document());
    newer->parameters.mixing = {.law = directory::MixLaw::threshold, .packets = 2};
    relay.pipeline.use(newer);
    take();
    relay.pipeline.slept(10min);
    relay.tick(test::start + 2ms);
    CHECK(relay.links.relays.empty());
    CHECK(relay.dropped(DropReason::delay) == 2);
    CHECK(relay.pipeline.held() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "pipeline: a replay is dropped after the document and the epoch changed") {
    Relay relay{network, "mix-1-0"};
    const auto cell = network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"}, 5'000'000,
                                     mailbox(), identifier);
    relay.take_from("gateway-0", std::make_unique<cell::Cell>(*cell));
    REQUIRE(relay.pipeline.held() == 1);
    auto newer = std::make_shared<directory::Document>(*network.document());
    newer->epoch = test::epoch.next();
    relay.pipeline.use(newer);
    relay.take_from("gateway-0", std::make_unique<cell::Cell>(*cell));
    CHECK(relay.dropped(DropReason::replayed) == 1);
    // The epoch has ended as well, and its key is in its time of grace.
    const auto ended = directory::epoch_start(test::epoch.next(), 900s);
    auto work = relay.pipeline.accept({&network.named("gateway-0"), {}},
                                      std::make_unique<cell::Cell>(*cell), test::start, ended + 1s);
    REQUIRE(work);
    std::vector<relay::core::Work> batch;
    batch.push_back(std::move(*work));
    relay::core::unwrap(batch);
    relay.pipeline.unwrapped(batch);
    CHECK(relay.dropped(DropReason::replayed) == 2);
    CHECK(relay.pipeline.held() == 1);
}
