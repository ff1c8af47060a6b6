#include "sphinx/node/process/clock_guard.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace std::chrono_literals;
using node::process::ClockGuard;
using node::process::ClockReading;

namespace {

constexpr base::Wall begin{1'800'000'000s};

/// What the clocks say `passed` after the first reading, with the wall clock set by `step`.
ClockReading at(base::Nanoseconds passed, base::Milliseconds step = 0ms) {
    return {begin + std::chrono::duration_cast<base::Milliseconds>(passed) + step, 5h + passed};
}

}  // namespace

TEST_CASE("clock guard: a step of a minute is followed at once, a longer one is a jump") {
    struct Case {
        base::Milliseconds step;
        bool jumps;
    };
    const Case cases[] = {{0ms, false},  {-1ms, false},    {60s, false},
                          {-60s, false}, {60'001ms, true}, {-60'001ms, true},
                          {1h, true},    {-1h, true},      {24h, true}};
    for (const auto& c : cases) {
        CAPTURE(c.step.count());
        ClockGuard guard{at(0s)};
        CHECK(guard.look(at(5s, c.step)) == begin + 5s + (c.jumps ? 0ms : c.step));
        CHECK(guard.jumped() == c.jumps);
        CHECK(guard.last().wall == begin + 5s + c.step);
        // Set right again, it is as if nothing had been.
        CHECK(guard.look(at(10s)) == begin + 10s);
        CHECK(!guard.jumped());
    }
}

TEST_CASE("clock guard: what has stood for ten minutes is believed, and nothing sooner") {
    ClockGuard guard{at(0s)};
    for (auto passed = 5s; passed < 605s; passed += 5s) {
        CHECK(guard.look(at(passed, -3h)) == begin + passed);
        CHECK(guard.jumped());
    }
    CHECK(guard.look(at(605s, -3h)) == begin + 605s - 3h);
    CHECK(!guard.jumped());
    // Now the old time would be the jump.
    guard.look(at(610s));
    CHECK(guard.jumped());
}

TEST_CASE("clock guard: a clock that is set again and again is not believed") {
    ClockGuard guard{at(0s)};
    for (int i = 1; i <= 1000; ++i) {
        const auto passed = i * 5s;
        const auto kept = guard.look(at(passed, i / 100 % 2 == 0 ? 3h : 5h));
        CHECK(kept == begin + passed);
        CHECK(guard.jumped());
    }
}

TEST_CASE("clock guard: small steps move it by no more than a minute in ten minutes") {
    ClockGuard guard{at(0s)};
    base::Milliseconds step{};
    base::Milliseconds most{};
    for (auto passed = 5s; passed <= 3600s; passed += 5s) {
        step += 20s;  // a forged clock that runs five times as fast
        const auto kept = guard.look(at(passed, step));
        most =
            std::max(most, std::chrono::duration_cast<base::Milliseconds>(kept - begin - passed));
    }
    CHECK(most <= 60s);
    CHECK(guard.jumped());
    ClockGuard slow{at(0s)};  // and one that gains 50 s in ten minutes is followed
    for (auto passed = 5s; passed <= 3600s; passed += 5s)
        slow.look(at(passed, std::chrono::duration_cast<base::Milliseconds>(passed) / 12));
    CHECK(!slow.jumped());
}

TEST_CASE("clock guard: a suspend is no jump, because the boot clock counts it") {
    ClockGuard guard{at(0s)};
    CHECK(guard.look(at(10min)) == begin + 10min);
    CHECK(guard.look(at(30h)) == begin + 30h);
    CHECK(!guard.jumped());
}

TEST_CASE("clock guard: the operator's word counts at once") {
    ClockGuard guard{at(0s)};
    guard.look(at(5s, 3h));
    guard.confirm();
    CHECK(!guard.jumped());
    CHECK(guard.kept() == begin + 5s + 3h);
    CHECK(guard.look(at(10s, 3h)) == begin + 10s + 3h);
    CHECK(!guard.jumped());
}

TEST_CASE("clock guard: a process goes on with the time that the last one kept") {
    ClockGuard guard{at(0s, 3h), at(0s).difference()};
    CHECK(guard.jumped());
    CHECK(guard.kept() == begin);
    ClockGuard agreed{at(0s, 30s), at(0s).difference()};
    CHECK(!agreed.jumped());
    CHECK(agreed.kept() == begin + 30s);
}
