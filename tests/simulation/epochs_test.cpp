// Keys change, and no packet is lost to the choice of key (docs/traffic-law.md section 5).
#include <doctest/doctest.h>

#include <span>
#include <vector>

#include "tests/lab/world/probe.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

struct Clocks {
    const char* what;
    std::vector<base::Milliseconds> relays;  // clock offsets, given to the relays in turn
    base::Milliseconds alice;
    base::Milliseconds bob;
};

// A relay or probe builds packets for the next epoch from 30 s before it, a client from 15 to 45 s.
// A relay accepts them from 75 s before it, each by its own clock. So any two clocks may differ by
// 30 s in either direction.
const Clocks cases[] = {
    {"clients 30 s ahead and behind", {0ms}, 30s, -30s},
    {"relays from 15 s behind to 15 s ahead", {-15s, 15s, 0ms}, 15s, -15s},
    {"relays 30 s ahead, clients right", {30s}, 0ms, 30s},
    {"relays 30 s behind, clients right", {-30s}, 0ms, -30s},
};

}  // namespace

TEST_CASE("two epoch boundaries and clocks 30 s apart: no packet is lost to the choice of key") {
    // Under sanitizers, only the first two cases, which have clocks on both sides.
    const auto chosen = std::span{cases}.first(test::short_run() ? 2 : 4);
    for (const auto& clocks : chosen) {
        CAPTURE(clocks.what);
        WorldOptions options;
        options.seed = 21;
        options.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
        options.parameters.epoch_length = 900s;
        options.parameters.relay_loops = {300};
        // 80 s before the first boundary, by the true clock.
        options.start = base::Wall{1'800'000'000s - 80s};
        World world{options};
        for (std::size_t i = 0; i < world.relays().size(); ++i)
            world.relays()[i]->clock_offset = clocks.relays[i % clocks.relays.size()];
        const base::MailboxId alice{{1}};
        const base::MailboxId bob{{2}};
        auto& a = world.add<Probe>(alice, alice, world.gateway(0).identity());
        auto& b = world.add<Probe>(bob, bob, world.gateway(1).identity());
        a.clock_offset = clocks.alice;
        b.clock_offset = clocks.bob;
        // Dense around the boundaries, sparse between them.
        for (int boundary = 0; boundary < 2; ++boundary) {
            a.send_loops_at(3);
            b.send_loops_at(3);
            world.run_for(120s);
            a.send_loops_at(0.1);
            b.send_loops_at(0.1);
            world.run_for(boundary == 0 ? 780s : 1s);
        }
        a.send_loops_at(0);
        b.send_loops_at(0);
        world.run_for(5s);
        CHECK(a.sent + b.sent > 1200);
        CHECK(a.returned == a.sent);
        CHECK(b.returned == b.sent);
        for (const auto* relay : world.relays()) {
            CHECK(relay->counters.loops_sent > 250);
            CHECK(relay->counters.loops_lost == 0);
            for (const auto count : relay->counters.dropped)
                CHECK(count == 0);
        }
    }
}

TEST_CASE("four epochs of a minute and clocks 15 s apart: no packet is lost to the choice of key") {
    const std::vector<std::vector<base::Milliseconds>> offsets{
        {0ms}, {-7500ms, 7500ms, 0ms}, {15s}};
    for (const auto& relays : offsets) {
        CAPTURE(relays.back().count());
        WorldOptions options;
        options.seed = 23;
        options.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
        options.parameters.epoch_length = 60s;
        options.parameters.relay_loops = {1'000};
        options.start = base::Wall{1'800'000'000s - 50s};
        World world{options};
        for (std::size_t i = 0; i < world.relays().size(); ++i)
            world.relays()[i]->clock_offset = relays[i % relays.size()];
        const base::MailboxId alice{{1}};
        auto& probe = world.add<Probe>(alice, alice, world.gateway(0).identity());
        probe.clock_offset = relays.back() == 0ms ? 15s : base::Milliseconds{0};
        probe.send_loops_at(3);
        world.run_for(230s);
        probe.send_loops_at(0);
        world.run_for(5s);
        CHECK(probe.sent > 600);
        CHECK(probe.returned == probe.sent);
        for (const auto* relay : world.relays()) {
            CHECK(relay->counters.loops_sent > 180);
            CHECK(relay->counters.loops_lost == 0);
        }
    }
}

TEST_CASE("with clocks too far apart, packets are lost, but only near the boundary") {
    WorldOptions options;
    options.seed = 22;
    options.pipeline.downlink_unpaid = 1e9;  // a probe does not keep the law
    options.parameters.epoch_length = 900s;
    options.parameters.relay_loops = {1'000};
    options.start = base::Wall{1'800'000'000s - 150s};
    World world{options};
    const base::MailboxId alice{{1}};
    auto& probe = world.add<Probe>(alice, alice, world.gateway(0).identity());
    probe.clock_offset = 55s;  // builds packets for the next epoch from 85 s before it
    probe.send_loops_at(8);
    world.run_for(63s);
    CHECK(probe.returned > 440);
    const auto lost_before = probe.sent - probe.returned;
    CHECK(lost_before < 20);  // only packets on their way
    world.run_for(15s);       // 87 to 72 s before the boundary
    probe.send_loops_at(0);
    world.run_for(5s);
    const auto lost = probe.sent - probe.returned;
    CHECK((lost > 40 && lost < 130));  // ten seconds at 8 packets per second
}
