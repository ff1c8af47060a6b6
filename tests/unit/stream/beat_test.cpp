#include "sphinx/stream/beat.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using stream::Beat;

namespace {

constexpr std::uint32_t full = 45'000;
// Network time at Mono{}: a full hour.
constexpr std::int64_t start = 500'000 * 3600ll;

base::Wall wall(Mono now) {
    return base::Wall{Seconds{start}} + std::chrono::floor<Milliseconds>(now - Mono{});
}
Mono at(double seconds) {
    return Mono{base::from_seconds(seconds)};
}
Beat told(std::uint32_t rate) {
    Beat beat{rate};
    // At whole milliseconds each reading of the wall clock would be half of one too late.
    for (auto now = Mono{}; now < at(2); now += std::chrono::microseconds{730})
        beat.follow(now, wall(now));
    return beat;
}

/// The moments of the ticks in `count` moments from `first` on, counted from `first`.
std::vector<std::int64_t> ticks(const Beat& beat, Beat::Moment first, std::int64_t count,
                                std::uint32_t pace, std::uint8_t rank = 0) {
    std::vector<std::int64_t> all;
    for (auto tick = beat.tick_from(first, pace, rank); tick < first + count;
         tick = beat.tick_from(tick + 1, pace, rank))
        all.push_back(tick - first);
    return all;
}

}  // namespace

TEST_CASE("beat: moments lie in the middles of gaps, counted from 1970") {
    for (const std::uint32_t rate : {1u, 700u, 45'000u, 46'357u, Beat::rate_max}) {
        CAPTURE(rate);
        const auto beat = told(rate);
        const auto first = beat.from(at(2));
        const auto gap = 1000.0 / rate;
        // A kilosecond holds whole moments.
        const auto place = static_cast<double>(first % rate) + 0.5;
        const auto since =
            static_cast<double>(start % 1000) + base::to_seconds(beat.at(first) - Mono{});
        CHECK(std::abs(std::fmod(since, 1000) - place * gap) < 0.0002);
        CHECK(beat.at(first) >= at(2));
        CHECK(beat.at(first - 1) < at(2));
        for (std::int64_t i = 0; i < 3000; ++i) {
            const auto moment = first + 7 * i;
            CHECK(beat.from(beat.at(moment)) == moment);
            CHECK(beat.from(beat.at(moment) + base::Nanoseconds{1}) == moment + 1);
        }
    }
}

TEST_CASE("beat: two exits whose clocks are right have the same moments, whenever they started") {
    Beat late{full};
    for (auto now = at(5000.0123); now < at(5002); now += Milliseconds{3})
        late.follow(now, wall(now));
    const auto early = told(full);
    const auto off = late.at(late.from(at(6000))) - early.at(early.from(at(6000)));
    CHECK(std::chrono::abs(off) <= std::chrono::microseconds{500});
}

TEST_CASE("beat: a clock that is set is followed at once, one that drifts once a minute") {
    auto beat = told(full);
    const auto before = beat.when(wall(at(100)));
    beat.follow(at(2), wall(at(2)) + Seconds{3600});
    CHECK(base::to_seconds(before - beat.when(wall(at(100)))) ==
          doctest::Approx(3600).epsilon(1e-6));
    beat.follow(at(3), wall(at(3)));
    CHECK(std::chrono::abs(beat.when(wall(at(100))) - before) <= Milliseconds{1});
    // 100 millionths: 3 ms in a minute's mean.
    std::vector<base::Nanoseconds> steps;
    auto last = beat.when(wall(at(100)));
    for (auto now = at(3); now < at(200); now += Milliseconds{5}) {
        const auto drifted = now + base::Nanoseconds{(now - at(3)).count() / 10'000};
        beat.follow(now, wall(drifted));
        const auto next = beat.when(wall(at(100)));
        if (next != last) steps.push_back(last - next);
        last = next;
    }
    CHECK(steps.size() == 3);
    for (const auto step : steps)
        CHECK(step < Milliseconds{8});
}

TEST_CASE("beat: one reading that is late moves nothing") {
    auto beat = told(full);
    const auto before = beat.when(wall(at(100)));
    for (int i = 0; i < 100'000; ++i) {
        const auto now = at(2 + 0.00173 * i);
        beat.follow(now, wall(now + Milliseconds{i == 40'000 ? 40 : 0}));
    }
    CHECK(beat.when(wall(at(100))) == before);
}

TEST_CASE("beat: a pace has its share of the moments, exactly over whole ticks of ten seconds") {
    const auto beat = told(full);
    const auto first = beat.from(at(10));
    for (const std::uint32_t pace : {1u, 1500u, 4500u, 7500u, 13'500u, 15'000u, 22'500u, 27'000u,
                                     30'000u, 40'500u, 44'999u, 45'000u, 90'000u}) {
        CAPTURE(pace);
        const auto most = std::min(pace, full);
        const auto all = ticks(beat, first, 45 * 1000, pace);
        CHECK(all.size() == most);
        for (std::int64_t tens = 10; tens < 1000; tens += 10) {
            const auto count = std::lower_bound(all.begin(), all.end(), 45 * tens) - all.begin();
            const auto exact = static_cast<double>(most) / 1000 * static_cast<double>(tens);
            CHECK(std::abs(static_cast<double>(count) - exact) <= (most % 100 == 0 ? 0 : 1));
        }
    }
}

TEST_CASE("beat: the ticks of one pace lie apart") {
    const auto beat = told(full);
    struct Row {
        std::uint32_t pace;
        std::int64_t longest;  // moments from one tick to the next
    };
    for (const auto& [pace, longest] : {Row{30'000, 2},
                                        {40'500, 2},
                                        {27'000, 3},
                                        {15'000, 5},
                                        {13'500, 5},
                                        {7500, 8},
                                        {4500, 11}}) {
        CAPTURE(pace);
        const auto all = ticks(beat, beat.from(at(10)), 4500, pace);
        std::int64_t most = 0;
        for (std::size_t i = 1; i < all.size(); ++i)
            most = std::max(most, all[i] - all[i - 1]);
        CHECK(most == longest);
    }
}

TEST_CASE("beat: sessions with all ranks between them tick once at each moment, all together") {
    for (const std::uint32_t rate : {45'000u, 22'500u, 90'000u, 3000u}) {
        const auto beat = told(rate);
        const auto first = beat.from(at(10));
        for (const auto& ends : {std::vector{30},
                                 {3, 30},
                                 {10, 30},
                                 {3, 12, 30},
                                 {6, 18, 30},
                                 {5, 10, 15, 20, 25, 30}}) {
            std::vector<int> at_moment(3000);
            std::uint32_t begins = 0;
            for (const auto end : ends) {
                const auto ranks = static_cast<std::uint32_t>(end) - begins;
                for (const auto tick :
                     ticks(beat, first, 3000, rate / 30 * ranks, static_cast<std::uint8_t>(begins)))
                    ++at_moment[static_cast<std::size_t>(tick)];
                begins += ranks;
            }
            CAPTURE(rate);
            CAPTURE(ends.size());
            CHECK(std::ranges::count(at_moment, 1) == 3000);
        }
    }
}

TEST_CASE("beat: a pace of one tick in a thousand seconds is found at once at any rate") {
    for (const std::uint32_t rate : {45'000u, Beat::rate_max}) {
        const auto beat = told(rate);
        const auto first = beat.tick_from(beat.from(at(10)), 1, 7);
        CHECK(std::abs(beat.tick_from(first + 1, 1, 7) - first - rate) < 30);  // a frame
    }
}
