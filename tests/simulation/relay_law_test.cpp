// Relays in a network: routes of five hops, hold times, and loops that return or are counted as
// lost.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/lab/world/probe.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

WorldOptions options(std::uint64_t seed) {
    WorldOptions chosen;
    chosen.seed = seed;
    chosen.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
    chosen.parameters.lab = true;
    chosen.parameters.epoch_length = 900s;
    return chosen;
}

std::uint64_t dropped(const World& world) {
    std::uint64_t sum = 0;
    for (const auto* relay : world.relays())
        for (const auto count : relay->counters.dropped)
            sum += count;
    return sum;
}

double mean_seconds(const std::vector<base::Nanoseconds>& times) {
    double sum = 0;
    for (const auto time : times)
        sum += base::to_seconds(time);
    return sum / static_cast<double>(times.size());
}

const base::MailboxId alice{{1}};

}  // namespace

TEST_CASE("five hops through five pipelines and back, in the expected time") {
    auto chosen = options(11);
    chosen.parameters.relay_loops = {0};
    World world{chosen};
    auto& probe = world.add<Probe>(alice, alice, world.gateway(0).identity());
    probe.send_loops_at(40);
    world.run_for(30s);
    probe.send_loops_at(0);
    world.run_for(5s);
    REQUIRE(probe.sent > 1000);
    CHECK(probe.returned == probe.sent);
    CHECK(probe.unknown == 0);
    CHECK(dropped(world) == 0);
    // Five delays of mean 50 ms (the last hop draws its own), six links of 2 ms, and the queue for
    // the downlink. With 40 of 60 cells used, an M/D/1 queue waits 1/D (rho / (2 (1 - rho)) + 1/2).
    const double law = 5 * 0.050 + 6 * 0.002 + (1.0 / 60) * (1.0 + 0.5);
    const double sigma = std::sqrt(5.0) * 0.050;
    const double n = static_cast<double>(probe.round_trips.size());
    CHECK(std::abs(mean_seconds(probe.round_trips) - law) < 4.5 * sigma / std::sqrt(n) + 0.003);
    // The downlink always has 60 cells per second; padding fills those without a loop.
    CHECK(std::abs(static_cast<double>(probe.padding + probe.returned) - 35 * 60) < 3);
}

TEST_CASE("each relay holds packets by the law, exactly as asked, and its loops come home") {
    World world{options(12)};
    auto& probe = world.add<Probe>(alice, alice, world.gateway(0).identity());
    probe.send_loops_at(30);
    world.run_for(30s);
    for (auto* relay : world.relays()) {
        const auto& counters = relay->counters;
        const double n = static_cast<double>(counters.held_packets);
        REQUIRE(n > 1000);
        const double held = static_cast<double>(counters.held_ns) / n * 1e-9;
        const double asked = static_cast<double>(counters.asked_ns) / n * 1e-9;
        CHECK(std::abs(held - 0.050) < 4.5 * 0.050 / std::sqrt(n) + 0.001);
        // A packet leaves in the tick nearest to its due time, so the error of up to half a
        // millisecond averages to zero, except that no packet leaves before it arrived.
        CHECK(std::abs(held - asked) < 0.00005);

        const double expected = 30 * 15.0;
        CHECK(std::abs(static_cast<double>(counters.loops_sent) - expected) <
              4 * std::sqrt(expected));
        CHECK(counters.loops_lost == 0);
        // Loops that are not back yet left within the longest route time.
        CHECK(counters.loops_sent - counters.loops_returned < 15 * 3.5);
        const auto times = relay->pipeline().take_loop_round_trips();
        CHECK(times.size() == counters.loops_returned);
        // Three relays hold a loop on its way, over four links. Its sender counts it on arrival.
        const double law = 3 * 0.050 + 4 * 0.002;
        const double sigma = std::sqrt(3.0) * 0.050;
        CHECK(std::abs(mean_seconds(times) - law) <
              4.5 * sigma / std::sqrt(static_cast<double>(times.size())) + 0.001);
    }
    CHECK(dropped(world) == 0);
}

TEST_CASE("a mix that is down costs the loops that pass it, and no others") {
    auto chosen = options(14);
    chosen.parameters.relay_loops = {10'000};
    World world{chosen};
    world.run_for(5s);
    auto& down = world.mix(2, 0);
    down.up = false;
    world.run_for(20s);
    for (const auto* relay : world.relays()) {
        if (relay == &down) continue;
        // Other layers' loops pass one of layer 2's two mixes; loops of layer 2's mixes pass none.
        const bool passes = relay != &world.mix(2, 1);
        const double gone = 10 * 16.5;  // loops of the first 16.5 s count as lost by now
        const double expected = passes ? gone / 2 : 0;
        CHECK(std::abs(static_cast<double>(relay->counters.loops_lost) - expected) <=
              4.5 * std::sqrt(gone / 4) * passes + (passes ? 8 : 0));
    }
    // After the restart no held packets leave in a burst, and loops return as before.
    const auto before = down.counters.packets_out;
    down.up = true;
    world.run_for(1ms);
    CHECK(down.counters.packets_out - before <= 10);
    world.run_for(4s);
    std::vector<std::uint64_t> lost;
    for (const auto* relay : world.relays())
        lost.push_back(relay->counters.loops_lost);
    world.run_for(5s);
    for (std::size_t i = 0; i < lost.size(); ++i)
        CHECK(world.relays()[i]->counters.loops_lost == lost[i]);
}

TEST_CASE("the share of lost loops matches the loss on the links") {
    auto chosen = options(15);
    chosen.parameters.relay_loops = {10'000};
    chosen.link.loss = 0.02;
    chosen.link.jitter = 5ms;
    World world{chosen};
    world.run_for(30s);
    std::uint64_t lost = 0;
    std::uint64_t settled = 0;
    for (const auto* relay : world.relays()) {
        lost += relay->counters.loops_lost;
        settled += relay->counters.loops_lost + relay->counters.loops_returned;
    }
    const double expected = 1 - std::pow(0.98, 4);  // four links
    const double n = static_cast<double>(settled);
    CHECK(std::abs(static_cast<double>(lost) / n - expected) <
          4.5 * std::sqrt(expected * (1 - expected) / n) + 0.003);
}
