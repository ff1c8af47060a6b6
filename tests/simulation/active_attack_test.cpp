// An active attacker's changes to packets on the wire must not change anything that leaves a relay.
#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "tests/lab/world/probe.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;
using relay::core::DropReason;

namespace {

/// What the attacker does to each packet on its way to a relay.
using Attack = std::function<void(OnWire&, const base::NodeId& to)>;

struct Outcome {
    /// What an observer of every wire sees: time, sender and receiver of each cell.
    std::vector<std::tuple<base::Mono, Peer, Peer>> trace;
    std::map<base::NodeId, relay::core::Counters> counters;
    std::uint64_t returned = 0;

    std::uint64_t dropped(DropReason reason) const {
        std::uint64_t sum = 0;
        for (const auto& [relay, count] : counters)
            sum += count.dropped[static_cast<std::size_t>(reason)];
        return sum;
    }
    std::uint64_t exit_payloads() const {
        std::uint64_t sum = 0;
        for (const auto& [relay, count] : counters)
            sum += count.exit_payloads;
        return sum;
    }
};

constexpr unsigned messages = 10;

Outcome run(std::uint64_t seed, const Attack& attack = {}) {
    WorldOptions options;
    options.seed = seed;
    options.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
    options.parameters.epoch_length = 900s;
    options.parameters.relay_loops = {6'000};
    World world{options};
    const base::MailboxId alice{{1}};
    auto& probe = world.add<Probe>(alice, alice, world.gateway(0).identity());
    Outcome outcome;
    world.wire = [&](OnWire& cell) {
        outcome.trace.emplace_back(cell.sent, cell.from, cell.to);
        const auto* to = std::get_if<base::NodeId>(&cell.to);
        if (attack && to) attack(cell, *to);
    };
    probe.send_loops_at(20);
    for (unsigned i = 0; i < messages; ++i) {
        probe.send_to_exit(world.gateway(1).identity(), base::as_bytes("not a session's message"));
        world.run_for(500ms);
    }
    probe.send_loops_at(0);
    world.run_for(1s);
    for (const auto* relay : world.relays())
        outcome.counters[relay->identity()] = relay->counters;
    outcome.returned = probe.returned;
    return outcome;
}

const Outcome& quiet() {
    static const Outcome outcome = run(31);
    return outcome;
}

}  // namespace

TEST_CASE("the same seed gives the same network to the nanosecond, another seed another") {
    CHECK(quiet().trace.size() > 1200);
    CHECK(run(31).trace == quiet().trace);
    CHECK(run(32).trace != quiet().trace);
    CHECK(quiet().returned > 60);
    CHECK(quiet().exit_payloads() == messages);
}

TEST_CASE("replaying every packet to every relay changes nothing on any wire") {
    const auto attacked = run(31, [](OnWire& cell, const base::NodeId&) { cell.copies = 2; });
    for (const auto& [relay, counters] : attacked.counters)
        CHECK(counters.dropped[static_cast<std::size_t>(DropReason::replayed)] > 20);
    CHECK(attacked.trace == quiet().trace);
    CHECK(attacked.returned == quiet().returned);
    CHECK(attacked.exit_payloads() == quiet().exit_payloads());
}

TEST_CASE("tagging every packet's payload at every relay changes nothing on any wire") {
    const auto attacked =
        run(31, [](OnWire& cell, const base::NodeId&) { cell.cell.body()[1400] ^= 0x10; });
    CHECK(attacked.trace == quiet().trace);
    // Only their owner opens loops and deliveries. The exit notices a tagged payload, and only
    // counts it.
    CHECK(attacked.exit_payloads() == 0);
    CHECK(attacked.dropped(DropReason::malformed) == messages);
    for (const auto reason : {DropReason::replayed, DropReason::misrouted, DropReason::delay})
        CHECK(attacked.dropped(reason) == 0);
    CHECK(attacked.returned == quiet().returned);
}

TEST_CASE("a header changed on the wire stops at the next relay, and nothing answers") {
    for (const std::size_t at : {5u, 35u, 347u}) {
        CAPTURE(at);
        std::map<base::NodeId, std::uint64_t> changed;
        const auto attacked = run(31, [&](OnWire& cell, const base::NodeId& to) {
            // Only every third packet, so that some packets of each relay reach the next one
            // intact.
            if (++changed[to] % 3 == 0) cell.cell.body()[at] ^= 1;
        });
        for (const auto& [relay, counters] : attacked.counters) {
            // One or two packets may still be on the link.
            CHECK(counters.packets_in + 2 >= changed.at(relay));
            const auto malformed =
                counters.dropped[static_cast<std::size_t>(DropReason::malformed)];
            const auto opened = counters.exit_payloads;  // malformed by the test's own messages
            CHECK(malformed == counters.packets_in / 3 + opened);
        }
        for (const auto reason : {DropReason::replayed, DropReason::misrouted, DropReason::delay,
                                  DropReason::unreachable})
            CHECK(attacked.dropped(reason) == 0);
    }
}
