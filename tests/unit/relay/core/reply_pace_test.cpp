#include "relay/core/reply_pace.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using relay::core::ReplyPace;

namespace {

constexpr directory::Rate most{45'000};

Mono at(double seconds) {
    return Mono{base::from_seconds(seconds)};
}

// Network time at Mono{}.
constexpr std::uint32_t start = 1'800'000'000;

base::Wall wall(Mono now) {
    return base::Wall{Seconds{start}} + std::chrono::floor<Milliseconds>(now - Mono{});
}

/// The schedule before its change, which comes `second` seconds after the start.
stream::Schedule schedule(std::uint32_t sequence, std::uint32_t now_milli, std::uint32_t second,
                          std::uint32_t next_milli) {
    return {sequence, now_milli, start + second, next_milli};
}
stream::Schedule in_force(std::uint32_t sequence, std::uint32_t milli) {
    return {.sequence = sequence, .pace_milli = milli};
}

/// A packet with this schedule arrives at an exit whose clock is right.
void follow(ReplyPace& pace, const stream::Schedule& schedule, Mono now, base::Random& random) {
    pace.follow(schedule, most, now, wall(now), random);
}

/// The times of the ticks until `end`, in seconds.
std::vector<double> ticks(ReplyPace& pace, Mono end) {
    std::vector<double> times;
    while (pace.due() <= end) {
        times.push_back(base::to_seconds(pace.due().time_since_epoch()));
        pace.ticked();
    }
    return times;
}

std::size_t count(const std::vector<double>& times, double from, double to) {
    return static_cast<std::size_t>(std::count_if(
        times.begin(), times.end(), [&](double time) { return time >= from && time < to; }));
}

/// One tick in every gap: a window contains as many ticks as gaps, except for gaps across its ends.
void check_rate(const std::vector<double>& times, double from, double to, double rate,
                double off_most = 1) {
    INFO("between " << from << " and " << to);
    const auto expected = (to - from) * rate;
    CHECK(std::abs(static_cast<double>(count(times, from, to)) - expected) <= off_most);
}

/// How far a tick is off the beat of the first one at most, in seconds. Times are whole
/// nanoseconds, so each gap may be off by one.
double off_beat(const std::vector<double>& times, double rate) {
    double worst = 0;
    for (std::size_t i = 1; i < times.size(); ++i)
        worst = std::max(worst, std::abs(times[i] - times[i - 1] - 1 / rate));
    return worst;
}
constexpr double exact = 2e-9;

}  // namespace

TEST_CASE("without a schedule, or at pace nought, nothing is ever due") {
    base::SeededRandom random{41};
    ReplyPace pace;
    CHECK(pace.due() == Mono::max());
    follow(pace, schedule(1, 0, 3, 0), at(1), random);
    CHECK(pace.due() == Mono::max());
}

TEST_CASE(
    "every gap has one tick, exactly a gap after the last, at the next pace from the change on") {
    base::SeededRandom random{42};
    ReplyPace pace;
    follow(pace, schedule(1, 0, 3, 45'000), at(0), random);
    CHECK(pace.due() >= at(3));
    const auto first = ticks(pace, at(503));
    CHECK(count(first, 0, 3) == 0);
    for (int window = 0; window < 100; ++window)
        check_rate(first, 3 + 5 * window, 8 + 5 * window, 45);
    CHECK(off_beat(first, 45) < exact);

    follow(pace, schedule(2, 45'000, 508, 10'000), at(503), random);
    const auto second = ticks(pace, at(1008));
    check_rate(second, 503, 508, 45);
    check_rate(second, 508, 1008, 10);
}

TEST_CASE("repeating a schedule in every packet moves no tick") {
    base::SeededRandom random{43};
    ReplyPace pace;
    std::vector<double> times;
    // 50 packets per second; the pace ends at 1000 s, and the last of them say that it has.
    for (int i = 0; i < 50'100; ++i) {
        const auto now = at(0.02 * i);
        for (const auto time : ticks(pace, now))
            times.push_back(time);
        const bool over = i >= 50'000;
        const auto said = i < 49'700 ? in_force(1, 45'000) : schedule(2, 45'000, 1000, 0);
        follow(pace, over ? in_force(2, 0) : said, now, random);
    }
    CHECK(times.size() >= 44'999);
    CHECK(times.size() <= 45'001);
    CHECK(off_beat(times, 45) < exact);
    CHECK(times.back() <= 1000);
    CHECK(pace.due() == Mono::max());
}

TEST_CASE("a gap that the change falls into goes on at the new pace with what is left of it") {
    struct Row {
        double now_pace;
        double change_in;  // seconds after a tick
        double next_pace;
        double expected;  // seconds from that tick to the next one
    };
    const Row rows[]{
        {1, 0.4, 45, 0.4 + 0.6 / 45},
        {1, 0.8, 45, 0.8 + 0.2 / 45},
        {40, 0.01, 1, 0.01 + 0.6},
        {10, 10, 1, 0.1},
    };
    for (const auto& row : rows) {
        INFO("paces " << row.now_pace << " and " << row.next_pace);
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            base::SeededRandom random{seed};
            ReplyPace pace;
            const auto now = static_cast<std::uint32_t>(row.now_pace * 1000);
            follow(pace, in_force(1, now), at(0), random);
            const auto tick = pace.due();
            pace.ticked();
            const auto before_change = Milliseconds{std::lround(row.change_in * 1000)};
            pace.follow(schedule(2, now, 60, static_cast<std::uint32_t>(row.next_pace * 1000)),
                        most, tick, wall(at(60)) - before_change, random);
            CHECK(std::abs(base::to_seconds(pace.due() - tick) - row.expected) < exact);
        }
    }
}

TEST_CASE("when a session opens or an exit wakes up does not reveal where the gaps begin") {
    constexpr int seeds = 2000;
    for (const bool restarted : {false, true}) {
        std::vector<double> places;
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            base::SeededRandom random{seed};
            ReplyPace pace;
            base::SeededRandom same{1};
            auto& of_opening = restarted ? same : random;
            follow(pace, schedule(1, 0, 3, 10'000), at(0), of_opening);
            const auto begins = restarted ? 100 : 3;
            ticks(pace, at(restarted ? 50 : 0));
            if (restarted) pace.restart(at(begins), random);
            places.push_back((base::to_seconds(pace.due().time_since_epoch()) - begins) * 10);
        }
        std::sort(places.begin(), places.end());
        double worst = 0;
        for (std::size_t i = 0; i < places.size(); ++i)
            worst = std::max(worst, std::abs(places[i] - static_cast<double>(i) / seeds));
        CHECK(worst * std::sqrt(seeds) < 1.95);
    }
}

TEST_CASE("after a restart ticks go on at the pace") {
    base::SeededRandom random{47};
    ReplyPace pace;
    follow(pace, in_force(1, 45'000), at(0), random);
    pace.restart(at(100), random);
    CHECK(pace.due() >= at(100));
    const auto times = ticks(pace, at(200));
    check_rate(times, 100, 200, 45);
    CHECK(off_beat(times, 45) < exact);
}

TEST_CASE("the highest sequence wins, and of one sequence the first packet") {
    struct Row {
        const char* what;
        stream::Schedule second;
        double expected;  // when the pace changes from zero to full
    };
    const Row rows[]{
        {"the same again", schedule(5, 0, 6, 45'000), 6},
        {"another change under the same sequence", schedule(5, 0, 3, 45'000), 6},
        {"sent after the change by a client whose clock is ahead", in_force(5, 45'000), 6},
        {"an old schedule that comes late", in_force(4, 45'000), 6},
        {"a new one", schedule(6, 0, 9, 45'000), 9},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
            base::SeededRandom random{seed};
            ReplyPace pace;
            follow(pace, schedule(5, 0, 6, 45'000), at(0), random);
            follow(pace, row.second, at(1), random);
            CHECK(pace.due() >= at(row.expected));
            CHECK(pace.due() < at(row.expected + 0.03));
        }
    }
}

TEST_CASE("the change comes at the exit's own second, whenever the packet arrives") {
    base::SeededRandom random{49};
    for (const int off_ms : {-1500, -1, 0, 1, 700}) {
        INFO("the exit's clock is ahead by " << off_ms << " ms");
        ReplyPace pace;
        const auto now = at(3.25);
        pace.follow(schedule(1, 0, 8, 45'000), most, now, wall(now) + Milliseconds{off_ms}, random);
        const auto change = at(8) - Milliseconds{off_ms};
        CHECK(pace.due() >= change);
        CHECK(pace.due() < change + Milliseconds{30});
    }
}

TEST_CASE("a change of a wrong clock or a hostile client is at most ten seconds ahead") {
    struct Row {
        const char* what;
        std::uint32_t change_at;
        double expected;  // seconds after the packet
    };
    const Row rows[]{
        {"a second after 1970", 1, 0},
        {"a year ago", start - 31'536'000, 0},
        {"now", start + 20, 0},
        {"in 8 s", start + 28, 8},
        {"in 10 s", start + 30, 10},
        {"in 11 s", start + 31, 10},
        {"in ten years", start + 315'360'000, 10},
        {"in 2106", 0xffffffff, 10},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        base::SeededRandom random{48};
        ReplyPace pace;
        follow(pace, {1, 0, row.change_at, 45'000}, at(20), random);
        CHECK(pace.due() >= at(20 + row.expected));
        CHECK(pace.due() < at(20 + row.expected + 0.03));
        check_rate(ticks(pace, at(131)), 31, 131, 45);
    }
}

TEST_CASE("no pace is above the network's") {
    base::SeededRandom random{45};
    ReplyPace pace;
    follow(pace, schedule(1, 0xffffffff, 5, 0xffffffff), at(0), random);
    check_rate(ticks(pace, at(100)), 0, 100, 45);
    CHECK(pace.highest() == most);
}

TEST_CASE("a tick that is due already is not drawn anew by a schedule") {
    base::SeededRandom random{46};
    ReplyPace pace;
    follow(pace, in_force(1, 45'000), at(0), random);
    const auto due = pace.due();
    follow(pace, in_force(2, 0), at(5), random);
    CHECK(pace.due() == due);
    pace.ticked();
    CHECK(pace.due() == Mono::max());
}

TEST_CASE("a handover between two exits keeps the sum of their paces in every window") {
    constexpr int seeds = 400;
    double around_the_change = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        INFO("seed " << seed);
        base::SeededRandom random{seed};
        ReplyPace old_exit;
        ReplyPace new_exit;
        const auto route_delay = [&] {
            base::Nanoseconds sum{};
            for (int hop = 0; hop < 5; ++hop)
                sum += random.exponential(Milliseconds{50});
            return base::to_seconds(sum);
        };
        struct Packet {
            double arrives;
            double sent;
            bool to_new;
        };
        // Both sessions get their share of the slots. The change is at 20 s, announced from 12 s
        // on.
        std::vector<Packet> packets;
        for (int i = 0; i < 2000; ++i) {
            const auto sent = 0.02 * i;
            packets.push_back({sent + route_delay(), sent, random.below(10) == 0});
        }
        std::sort(packets.begin(), packets.end(),
                  [](const Packet& a, const Packet& b) { return a.arrives < b.arrives; });
        std::vector<double> times;
        const auto take = [&](Mono end) {
            for (auto* pace : {&old_exit, &new_exit}) {
                for (const auto time : ticks(*pace, end))
                    times.push_back(time);
            }
        };
        for (const auto& packet : packets) {
            const auto now = at(packet.arrives);
            take(now);
            const bool over = packet.sent >= 20;
            if (packet.to_new) {
                if (packet.sent < 12) continue;
                follow(new_exit, over ? in_force(1, 45'000) : schedule(1, 0, 20, 45'000), now,
                       random);
            } else if (packet.sent < 12) {
                follow(old_exit, in_force(1, 45'000), now, random);
            } else {
                follow(old_exit, over ? in_force(2, 0) : schedule(2, 45'000, 20, 0), now, random);
            }
        }
        take(at(41));
        // The two exits change at one moment; each may be off by the gap that it begins or ends.
        for (double from = 1; from < 35; from += 1)
            check_rate(times, from, from + 5, 45, 2);
        check_rate(times, 19.5, 20.5, 45, 2);
        around_the_change += static_cast<double>(count(times, 19, 22)) / seeds;
    }
    // Only a tenth of the packets goes to the new exit, but that does not make it later.
    CHECK(around_the_change == doctest::Approx(3 * 45).epsilon(0.001));
}
