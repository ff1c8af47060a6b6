// A relay whose loops do not come home, and how it answers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;

namespace {

/// mix-1-0 with loops. None of them comes back.
struct Attacked : Fixture {
    Attacked() { network.parameters().relay_loops = {15'000}; }

    /// From 70 s on it answers.
    static constexpr base::Mono answers_from = test::start + 70s;
    void attack(Relay& relay) {
        relay.run(test::start, answers_from - test::start);
        REQUIRE(relay.pipeline.answers());
        relay.links.relays.clear();
    }
    cell::CellBox packet(std::uint64_t delay_ms) {
        return network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"}, delay_ms * 1'000'000,
                              mailbox(), identifier);
    }
    /// The relays that a packet passes from `next` on, and what the last one reads.
    std::vector<std::string> follow(cell::Cell cell, base::NodeId next, packet::Final& final) {
        std::vector<std::string> passed;
        for (;;) {
            const auto& relay = *network.document()->find(next);
            passed.push_back(relay.name);
            const auto key = network.key(relay, test::epoch);
            const auto opened = packet::unwrap(cell.body(), key->keys.secret, packet::packet_size);
            REQUIRE(opened);
            if (const auto* last = std::get_if<packet::Final>(&opened->what)) {
                final = *last;
                return passed;
            }
            next = std::get<packet::Forward>(opened->what).next;
        }
    }
};

}  // namespace

TEST_CASE_FIXTURE(Attacked, "pipeline: a relay that is left alone makes no drop cover") {
    relay::core::PipelineOptions options;
    options.answer_withheld = false;
    Relay relay{network, "mix-1-0", nullptr, options};
    relay.run(test::start, 75s);
    CHECK(relay.pipeline.loop_watch().withheld());
    CHECK_FALSE(relay.pipeline.answers());
    CHECK(relay.counters.drop_cover == 0);
    Relay calm{network, "mix-1-0"};
    calm.run(test::start, 59s);
    CHECK_FALSE(calm.pipeline.answers());
    CHECK(calm.counters.drop_cover == 0);
}

TEST_CASE_FIXTURE(Attacked, "pipeline: while a relay answers it makes drop cover") {
    Relay relay{network, "mix-1-0"};
    attack(relay);
    const auto before = relay.counters.drop_cover;
    const auto loops = relay.counters.loops_sent;
    relay.run(answers_from, 20s);
    const auto made = static_cast<double>(relay.counters.drop_cover - before);
    CHECK(std::abs(made - 3000) < 4 * std::sqrt(3000.0));
    // It ends at a gateway, which finds nothing in it. Loops end at home.
    std::size_t drop_cover = 0;
    for (const auto& left : relay.links.relays) {
        packet::Final final;
        const auto passed = follow(left.cell, left.next, final);
        if (!final.destination.is_zero()) continue;
        ++drop_cover;
        CHECK(final.identifier.is_zero());
        REQUIRE(passed.size() == 3);
        CHECK(passed.back().starts_with("gateway-"));
    }
    CHECK(std::abs(static_cast<double>(drop_cover) - made) < 40);  // some are in the mix
    CHECK(relay.counters.loops_sent - loops < 400);
    // After a stall there is no burst of it.
    const auto stalled = relay.counters.drop_cover;
    relay.tick(answers_from + 40s);
    CHECK(relay.counters.drop_cover - stalled < 80);
    // A relay that drains makes none.
    relay.pipeline.drain();
    const auto drained = relay.counters.drop_cover;
    relay.run(answers_from + 40s, 2s);
    CHECK(relay.counters.drop_cover == drained);
}

TEST_CASE_FIXTURE(Attacked, "pipeline: a gateway drops drop cover and counts nothing") {
    Relay relay{network, "gateway-0"};
    const auto loops = relay.counters.loops_sent;
    relay.take_from("mix-3-0", network.packet({"gateway-0"}, 0, {}, {}));
    CHECK(relay.dropped() == 0);
    CHECK(relay.pipeline.held() == 0);
    CHECK(relay.counters.loops_sent == loops);
}

TEST_CASE_FIXTURE(Attacked, "pipeline: while a relay answers, packets stay twice as long") {
    Relay relay{network, "mix-1-0"};
    relay.take_from("gateway-0", packet(80));
    relay.run(test::start, 200ms);
    CHECK(relay.counters.held_ns == 80'000'000);
    attack(relay);
    const auto& counters = relay.counters;
    const auto held = counters.held_ns;
    const auto asked = counters.asked_ns;
    relay.pipeline.drain();  // nothing but what is in the mix
    relay.run(answers_from, 600ms);
    CHECK(relay.pipeline.held() == 0);
    CHECK(counters.held_ns > held);
    // It keeps the times that it has set.
    const auto count = static_cast<double>(counters.drop_cover);
    CHECK(std::abs(double(counters.held_ns) - double(counters.asked_ns)) < count * 60'000);
    CHECK(counters.asked_ns > asked);
    // 50 ms are asked for on average, redrawn above 500; twice that, at most 500, is 99.3.
    CHECK(std::abs(double(counters.held_ns) / double(counters.held_packets) - 99.3e6) <
          4 * 98e6 / std::sqrt(count));
}

TEST_CASE_FIXTURE(Attacked, "pipeline: while a relay answers, a timed pool keeps twice as long") {
    network.parameters().mixing = {
        .law = directory::MixLaw::timed_pool, .interval = 25ms, .keep = 1};
    Relay relay{network, "mix-1-0"};
    attack(relay);
    const auto held = relay.counters.held_ns;
    const auto packets = relay.counters.held_packets;
    relay.run(answers_from, 40s);
    const auto mean =
        double(relay.counters.held_ns - held) / double(relay.counters.held_packets - packets);
    CHECK(std::abs(mean - 99e6) < 6e6);
}

TEST_CASE_FIXTURE(Attacked,
                  "pipeline: by a law that releases packets together a loop leaves in a release") {
    network.parameters().mixing = {
        .law = directory::MixLaw::timed_pool, .interval = 25ms, .keep = 1};
    Relay relay{network, "mix-1-0"};
    const auto only_releases = [&] {
        std::map<std::int64_t, int> places;
        for (const auto& left : relay.links.relays)
            ++places[left.at.time_since_epoch() % 25ms / 1ms];
        CHECK(relay.links.relays.size() > 100);
        CHECK(places.size() == 1);
    };
    relay.run(test::start, 20s);
    only_releases();
    attack(relay);
    relay.run(answers_from, 5s);
    only_releases();
}

TEST_CASE_FIXTURE(Attacked, "pipeline: the payload of a relay's own loop is checked") {
    for (const bool changed : {false, true}) {
        CAPTURE(changed);
        Relay relay{network, "gateway-0"};
        relay.run(test::start, 1s);
        const auto& sent = relay.links.relays.front();
        auto cell = sent.cell;
        auto next = sent.next;
        std::string before;
        while (next != relay.identity) {
            const auto& hop = *network.document()->find(next);
            before = hop.name;
            const auto key = network.key(hop, test::epoch);
            const auto opened = packet::unwrap(cell.body(), key->keys.secret, packet::packet_size);
            REQUIRE(opened);
            next = std::get<packet::Forward>(opened->what).next;
        }
        if (changed) cell.body()[1400] ^= 0x10;
        relay.take_from(before, std::make_unique<cell::Cell>(cell), sent.at + 200ms);
        CHECK(relay.counters.loops_returned == (changed ? 0 : 1));
        CHECK(relay.counters.loops_modified == (changed ? 1 : 0));
        CHECK(relay.dropped() == 0);
    }
}
