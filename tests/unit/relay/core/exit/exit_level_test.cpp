#include "relay/core/exit_level.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using relay::core::ExitHeadroom;
using relay::core::ExitLevel;

namespace {

constexpr ExitHeadroom headroom{0.05, 1};
constexpr directory::Parameters law;

/// An exit whose sessions tick with `pace`, from a multiple of the session lifetime on.
struct Exit {
    ExitLevel level;
    base::SeededRandom random{1};
    Mono now{};
    std::vector<double> loops{};  // seconds
    explicit Exit(const ExitHeadroom& room = headroom, std::uint64_t seed = 1)
        : level{room, random}, random{seed} {}

    base::Wall wall() const {
        return base::Wall{Seconds{3600 * 1000}} +
               std::chrono::floor<Milliseconds>(now.time_since_epoch());
    }
    void run(double pace, double seconds) {
        for (const auto end = now + base::from_seconds(seconds); now < end;
             now += Milliseconds{1}) {
            level.follow(pace, law, now, wall());
            for (; level.due() <= now; level.taken(now))
                loops.push_back(base::to_seconds(level.due().time_since_epoch()));
        }
    }
    double count(double from, double to) const {
        return static_cast<double>(std::count_if(loops.begin(), loops.end(),
                                                 [&](double at) { return at >= from && at < to; }));
    }
};

}  // namespace

TEST_CASE("an exit's total stays at its level, whichever sessions come and go") {
    Exit exit;
    exit.run(900, 200);  // the second level is drawn at 120 s
    const auto level = exit.level.level();
    CHECK(level > 900 + 0.5 * 0.05 * 900);
    const double paces[] = {945, 900, 925.5, 880, 910};
    for (const auto pace : paces)
        exit.run(pace, 10);
    CHECK(exit.level.level() == level);
    for (std::size_t i = 0; i < std::size(paces); ++i)
        for (double from = 200 + 10.0 * static_cast<double>(i); from < 209 + 10.0 * i; from += 1)
            CHECK(std::abs(exit.count(from, from + 1) + paces[i] - level) <= 2);
}

TEST_CASE("a level is drawn once in a lifetime, two minutes after the common handover") {
    Exit exit;
    std::map<double, int> levels;  // and the tenth second in which each was first seen
    for (int step = 0; step < 2 * 360 + 30; ++step) {
        exit.run(900, 10);
        levels.emplace(exit.level.level(), step);
    }
    std::vector<int> at;
    for (const auto& [level, seen] : levels)
        at.push_back(seen);
    std::sort(at.begin(), at.end());
    CHECK(at == std::vector{0, 12, 372, 732});  // the first one when the exit starts
}

TEST_CASE("the room above the paces is drawn from half to one and a half of the mean") {
    double least = 1e9, most = 0, sum = 0;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        Exit exit{headroom, seed};
        exit.run(900, 0.001);
        const auto room = exit.level.level() - 900;
        least = std::min(least, room);
        most = std::max(most, room);
        sum += room / 400;
    }
    const auto mean = 0.05 * 900 + 45 * std::sqrt(20);
    CHECK(least == doctest::Approx(mean / 2).epsilon(0.02));
    CHECK(most == doctest::Approx(1.5 * mean).epsilon(0.02));
    CHECK(sum == doctest::Approx(mean).epsilon(0.05));
}

TEST_CASE("sessions above the level get a new one at the next minute, and no sooner") {
    Exit exit;
    exit.run(900, 130);
    const auto level = exit.level.level();
    exit.run(level + 100, 40);
    CHECK(exit.level.level() == level);
    CHECK(exit.count(131, 170) == 0);
    exit.run(level + 100, 20);  // past 180 s
    CHECK(exit.level.level() > level + 100);
}

TEST_CASE("an exit without sessions fills a level of its own") {
    Exit exit;
    exit.run(0, 60);
    CHECK(exit.level.level() >= 22.5);
    CHECK(exit.level.level() <= 67.5);
    CHECK(std::abs(exit.count(0, 60) - 60 * exit.level.level()) <= 2);
}

TEST_CASE("a level's loops that a stall made late are not made up") {
    Exit exit;
    exit.run(900, 10);
    const auto before = exit.loops.size();
    exit.now += Seconds{60};
    exit.run(900, 1);
    CHECK(static_cast<double>(exit.loops.size() - before) < 2 * exit.level.level() - 2 * 900 + 3);
}

TEST_CASE("without headroom there is no level, and no random draw") {
    Exit exit{ExitHeadroom{}};
    exit.run(900, 200);
    CHECK(exit.level.off());
    CHECK(exit.loops.empty());
    CHECK(exit.level.due() == Mono::max());
    base::SeededRandom untouched{1};
    CHECK(exit.random.u64() == untouched.u64());
}
