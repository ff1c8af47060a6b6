#include "client/core/reply_clock.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

constexpr base::Mono start{1h};
constexpr base::Nanoseconds settle_after = 3200ms;

/// A clock that hears an exit's replies. The exit ticks at `pace` from `start` on, by its own
/// clock.
struct Heard {
    explicit Heard(double pace) : pace{pace} {
        const directory::Rate rate{static_cast<std::uint32_t>(1000 * pace)};
        clock.beat().follow(1, {}, start, rate, start - 3s);
    }
    /// Runs until `end`. A reply takes `delay()`, and the exit's clock is late by `off`.
    void run(base::Nanoseconds duration, base::Nanoseconds off,
             const std::function<base::Nanoseconds()>& delay) {
        for (const auto end = now + duration; now < end; now += 20ms) {
            for (; start + base::from_seconds(number / pace) + off <= now; ++number)
                arriving.emplace(now + delay(), number);
            for (; !arriving.empty() && arriving.begin()->first <= now;
                 arriving.erase(arriving.begin())) {
                late += arriving.begin()->second <= settled;
                clock.arrived(arriving.begin()->second, arriving.begin()->first);
            }
            settled = std::max(settled, clock.settled_by(now));
            if (offsets.empty() || offsets.back().second != clock.offset())
                offsets.emplace_back(now, clock.offset());
        }
    }
    double pace;
    ReplyClock clock{settle_after};
    base::Mono now = start;
    stream::PacketNumber number = 1;
    stream::PacketNumber settled = 0;
    std::size_t late = 0;
    std::multimap<base::Mono, stream::PacketNumber> arriving;
    std::vector<std::pair<base::Mono, base::Nanoseconds>> offsets;
};

}  // namespace

TEST_CASE("a beat counts the gaps of every pace, and tells when a count is reached") {
    ReplyBeat beat;
    CHECK(beat.gaps(start) == 0);
    CHECK(beat.begins() == base::Mono::max());
    beat.follow(1, {}, start + 3s, {10'000}, start);
    CHECK(beat.begins() == start + 3s);
    CHECK(beat.gaps(start + 2s) == 0);
    CHECK(beat.gaps(start + 4s) == doctest::Approx(10));
    beat.follow(1, {}, start + 9s, {1'000}, start + 4s);  // this sequence is known
    beat.follow(2, {10'000}, start + 13s, {2'000}, start + 5s);
    CHECK(beat.gaps(start + 13s) == doctest::Approx(100));
    CHECK(beat.gaps(start + 18s) == doctest::Approx(110));
    beat.follow(3, {2'000}, start + 23s, {}, start + 15s);
    CHECK(beat.gaps(start + 60s) == doctest::Approx(120));
    for (const double count : {1.0, 50.0, 100.0, 101.0, 119.9})
        CHECK(beat.gaps(beat.passed(count)) == doctest::Approx(count));
    CHECK(beat.passed(120.5) == base::Mono::max());
    CHECK(beat.pace(start + 14s) == directory::Rate{2'000});
}

TEST_CASE("a reply is settled by the clock alone, at every pace and delay") {
    base::SeededRandom random{1};
    for (const double pace : {1.5, 4.5, 45.0}) {
        Heard regular{pace};
        Heard moved{pace};
        regular.run(600s, 0ms, [] { return 100ms; });
        moved.run(600s, 0ms, [&] { return base::from_seconds(0.1 + 2.4 * random.unit()); });
        CHECK(moved.settled == regular.settled);
        CHECK(moved.late == 0);
        CHECK(moved.offsets == regular.offsets);
        CHECK(moved.offsets.size() == 1);
        CHECK(moved.offsets[0].second == 0ms);
        const auto due = pace * base::to_seconds(moved.now - 20ms - settle_after - start);
        CHECK(moved.settled == static_cast<stream::PacketNumber>(due));
    }
}

TEST_CASE("an exit whose clock is off is known from its first replies") {
    for (const auto off : {-20s, -5s, -1s, 1s, 5s, 20s}) {
        INFO(off.count() << " s");
        Heard heard{45};
        heard.run(60s, off, [] { return 100ms; });
        CHECK(heard.late == 0);
        CHECK(heard.settled > 0);
        const auto since = heard.now - settle_after - off - start;
        CHECK(std::abs(heard.settled - 45 * base::to_seconds(since)) < 45 * 1.1);
        CHECK(heard.offsets.size() <= 2);
    }
}

TEST_CASE("an offset that all replies of a minute show is put right, once a minute") {
    for (const auto off : {-4s, 4s}) {
        INFO(off.count() << " s");
        Heard heard{45};
        heard.run(200s, 0ms, [] { return 100ms; });
        CHECK(heard.offsets.size() == 1);
        const auto stepped = heard.now;
        // The exit's clock steps: replies are missing, or they come sooner than they can.
        heard.run(200s, off, [] { return 100ms; });
        REQUIRE(heard.offsets.size() == 2);
        CHECK(heard.offsets[1].second == off);
        CHECK(heard.offsets[1].first - stepped <= 123s);
        heard.run(10s, off / 2, [] { return 100ms; });
        CHECK(heard.offsets.size() <= 3);
    }
    // Delays that grow by less than half a second, and hold-ups of less than a minute.
    base::SeededRandom random{2};
    Heard heard{45};
    for (int i = 0; i < 20; ++i) {
        heard.run(40s, 0ms, [&] { return base::from_seconds(0.1 + 0.4 * random.unit()); });
        heard.run(40s, 0ms, [&] { return base::from_seconds(1.5 + 0.4 * random.unit()); });
    }
    CHECK(heard.offsets.size() == 1);
}

TEST_CASE("few replies a minute put an offset right too, once they are enough") {
    // The slowest session at the default rates. Two of three replies are lost.
    Heard heard{0.9};
    base::SeededRandom random{3};
    const auto mostly_lost = [&] { return random.below(3) == 0 ? 100ms : 24h; };
    heard.run(200s, 0ms, mostly_lost);
    CHECK(heard.offsets.size() == 1);
    const auto stepped = heard.now;
    heard.run(300s, 4s, mostly_lost);
    REQUIRE(heard.offsets.size() == 2);
    CHECK(heard.offsets[1].second == 4s);
    // 50 late ones have come before it.
    CHECK(heard.offsets[1].first - stepped > 120s);
    heard.run(60s, 4s, mostly_lost);
    const auto late = heard.late;
    heard.run(200s, 4s, mostly_lost);
    CHECK(heard.late == late);
    // One in time among the few ends the count.
    heard.run(50s, 8s, mostly_lost);
    heard.run(20s, 4s, [] { return 100ms; });
    heard.run(130s, 8s, mostly_lost);
    CHECK(heard.offsets.size() == 2);
}

TEST_CASE("an exit that heard of its session late is followed through changes of pace") {
    for (const auto silent : {12s, 168s}) {
        INFO(silent.count() << " s");
        ReplyClock clock{settle_after};
        clock.beat().follow(1, {}, start, {4'500}, start - 3s);
        // The network was away. The exit ticks from the first packet on, and changes its pace when
        // the schedule says so.
        const auto begins = start + silent;
        const auto changes = begins + 60s;
        stream::PacketNumber number = 0, settled = 0;
        std::size_t late = 0;
        double ticks = 0;
        for (auto now = start; now < changes + 120s; now += 20ms) {
            if (now == changes) clock.beat().follow(2, {4'500}, changes, {3'000}, now);
            if (now >= begins) ticks += (now < changes ? 4.5 : 3.0) * 0.02;
            for (; number + 1 <= ticks; late += number <= settled)
                clock.arrived(++number, now + 100ms);
            settled = std::max(settled, clock.settled_by(now));
        }
        CHECK(late == 0);
        CHECK(settled >= number - 5 * 3);
    }
}
