// What a wrong clock does to a relay's pipeline: rows 26 to 28 of the table of faults.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sphinx/node/process/clock_guard.hpp"
#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;
using node::process::ClockGuard;

namespace {

/// Both clocks `passed` after the test's start, with the wall clock off by `step`.
node::process::ClockReading at(const test::Network& network, base::Nanoseconds passed,
                               base::Milliseconds step = 0ms) {
    return {network.wall() + std::chrono::duration_cast<base::Milliseconds>(passed) + step,
            1h + passed};
}

cell::CellBox packet(Fixture& fixture, base::Nanoseconds delay) {
    return fixture.network.packet({"mix-1-0", "mix-2-0", "mix-3-0", "gateway-0"},
                                  static_cast<std::uint64_t>(delay.count()), fixture.mailbox(),
                                  fixture.identifier);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "faults 26: a key opens packets in its time, by the time that is kept") {
    constexpr base::Nanoseconds length = 900s;  // as the fixture's relay has them
    constexpr base::Nanoseconds grace = 3500ms;
    struct Case {
        const char* when;
        base::Nanoseconds from_begin;
        bool accepted;
    };
    const Case cases[] = {{"before its time", -75s - 1ms, false},
                          {"60 s before", -60s, true},
                          {"in its epoch", 10min, true},
                          {"in the grace after", length + grace - 1s, true},
                          {"later", length + grace, false}};
    for (const auto step : {0ms, 3'600'000ms, -86'400'000ms}) {
        for (const auto& c : cases) {
            CAPTURE(c.when);
            CAPTURE(step.count());
            Relay relay{network, "mix-1-0"};
            const auto wall = directory::epoch_start(test::epoch, 900s) +
                              std::chrono::duration_cast<base::Milliseconds>(c.from_begin);
            ClockGuard guard{{wall - 5s, 1h}};
            const auto work =
                relay.pipeline.accept({&network.named("gateway-0"), {}}, packet(*this, 10ms),
                                      test::start, guard.look({wall + step, 1h + 5s}));
            CHECK(work.has_value() == c.accepted);
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "faults 27: held packets leave at their time, whatever the clock says") {
    struct Case {
        const char* what;
        base::Milliseconds step;
        bool jumps;
    };
    const Case cases[] = {{"an hour ahead", 1h, true},
                          {"an hour back", -1h, true},
                          {"a day ahead", 24h, true},
                          {"1 ms back", -1ms, false},
                          {"slewed by 500 ppm", 0ms, false}};
    for (const auto& c : cases) {
        CAPTURE(c.what);
        Relay relay{network, "mix-1-0"};
        ClockGuard guard{at(network, 0s)};
        for (int i = 0; i < 20; ++i)
            relay.take_from("gateway-0", packet(*this, (10 + 10 * i) * 1ms));
        std::vector<base::Mono> left;
        for (auto passed = 1ms; passed <= 400ms; passed += 1ms) {
            const auto slew = std::chrono::duration_cast<base::Milliseconds>(passed / 2000);
            const auto step = c.step == 0ms ? slew : passed >= 50ms ? c.step : 0ms;
            relay.pipeline.tick(test::start + passed, guard.look(at(network, passed, step)),
                                relay.links);
            left.resize(relay.links.relays.size(), test::start + passed);
        }
        CHECK(guard.jumped() == c.jumps);
        REQUIRE(left.size() == 20);
        for (int i = 0; i < 20; ++i)
            CHECK(left[static_cast<std::size_t>(i)] == test::start + (10 + 10 * i) * 1ms);
        CHECK(relay.dropped() == 0);
        // And packets are still taken.
        auto more = relay.pipeline.accept({&network.named("gateway-0"), {}}, packet(*this, 1ms),
                                          test::start + 400ms, guard.kept());
        CHECK(more.has_value());
    }
}

TEST_CASE_FIXTURE(Fixture, "faults 28: after ten minutes of suspend nothing bursts out") {
    Relay relay{network, "mix-1-0"};
    ClockGuard guard{at(network, 0s)};
    for (int i = 0; i < 20; ++i)
        relay.take_from("gateway-0", packet(*this, 10ms));
    relay.pipeline.slept(10min);
    // The boot clock and the wall clock have both counted the suspend.
    relay.pipeline.tick(test::start + 5ms, guard.look(at(network, 10min + 5ms)), relay.links);
    CHECK(!guard.jumped());
    CHECK(relay.links.relays.empty());
    CHECK(relay.dropped(DropReason::delay) == 20);
    CHECK(relay.pipeline.held() == 0);
}
