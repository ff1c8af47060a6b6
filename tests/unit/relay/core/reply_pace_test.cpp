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
    return seconds < 0 ? Mono{-base::from_seconds(-seconds)} : Mono{base::from_seconds(seconds)};
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

/// The beat of an exit whose clock is ahead by `off`.
stream::Beat beat_of(Milliseconds off = {}) {
    stream::Beat beat{most.milli};
    for (auto now = at(-2); now < at(0); now += Milliseconds{1})
        beat.follow(now, wall(now) + off);
    return beat;
}
const stream::Beat right = beat_of();

/// A packet with this schedule arrives at an exit whose clock is right.
void follow(ReplyPace& pace, const stream::Schedule& schedule, Mono now) {
    pace.follow(schedule, most, now, right);
}

/// The times of the ticks until `end`, in seconds.
std::vector<double> ticks(ReplyPace& pace, Mono end, const stream::Beat& beat = right) {
    std::vector<double> times;
    while (pace.due() <= end) {
        times.push_back(base::to_seconds(pace.due().time_since_epoch()));
        pace.ticked(beat);
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

/// Whether each tick is at a moment of the beat.
bool on_the_beat(const std::vector<double>& times) {
    return std::ranges::all_of(times, [](double time) {
        const auto tick = at(time);
        return right.at(right.from(tick - Milliseconds{1})) == tick;
    });
}

}  // namespace

TEST_CASE("without a schedule, or at pace nought, nothing is ever due") {
    ReplyPace pace;
    CHECK(pace.due() == Mono::max());
    follow(pace, schedule(1, 0, 3, 0), at(1));
    CHECK(pace.due() == Mono::max());
}

TEST_CASE(
    "every gap has one tick, exactly a gap after the last, at the next pace from the change on") {
    ReplyPace pace;
    follow(pace, schedule(1, 0, 3, 45'000), at(0));
    CHECK(pace.due() >= at(3));
    const auto first = ticks(pace, at(503));
    CHECK(count(first, 0, 3) == 0);
    for (int window = 0; window < 100; ++window)
        check_rate(first, 3 + 5 * window, 8 + 5 * window, 45);
    CHECK(on_the_beat(first));

    follow(pace, schedule(2, 45'000, 508, 10'000), at(503));
    const auto second = ticks(pace, at(1008));
    check_rate(second, 503, 508, 45);
    check_rate(second, 508, 1008, 10);
}

TEST_CASE("repeating a schedule in every packet moves no tick") {
    ReplyPace pace;
    std::vector<double> times;
    // 50 packets per second; the pace ends at 1000 s, and the last of them say that it has.
    for (int i = 0; i < 50'100; ++i) {
        const auto now = at(0.02 * i);
        for (const auto time : ticks(pace, now))
            times.push_back(time);
        const bool over = i >= 50'000;
        const auto said = i < 49'700 ? in_force(1, 45'000) : schedule(2, 45'000, 1000, 0);
        follow(pace, over ? in_force(2, 0) : said, now);
    }
    CHECK(times.size() >= 44'999);
    CHECK(times.size() <= 45'001);
    CHECK(on_the_beat(times));
    CHECK(times.back() <= 1000);
    CHECK(pace.due() == Mono::max());
}

TEST_CASE("sessions of one pace tick at the same moments, however they came to it") {
    ReplyPace early, late, changed;
    follow(early, in_force(1, 30'000), at(0));
    follow(changed, schedule(1, 45'000, 20, 30'000), at(7.03));
    follow(late, schedule(1, 0, 77, 30'000), at(71.5));
    const auto end = at(200);
    const auto all = ticks(early, end);
    const auto behind = [&](double from, ReplyPace& pace) {
        const std::vector wanted(std::ranges::lower_bound(all, from), all.end());
        auto times = ticks(pace, end);
        times.erase(times.begin(), std::ranges::lower_bound(times, from));
        return times == wanted;
    };
    CHECK(on_the_beat(all));
    CHECK(behind(20, changed));
    CHECK(behind(77, late));
}

TEST_CASE("a change of pace adds no tick and loses none, whatever both paces are") {
    for (const std::uint32_t before : {4500u, 13'500u, 15'000u, 27'000u, 40'500u, 45'000u}) {
        for (const std::uint32_t after : {1500u, 4500u, 15'000u, 30'000u, 45'000u}) {
            CAPTURE(before);
            CAPTURE(after);
            ReplyPace pace;
            follow(pace, schedule(1, 0, 10, before), at(2));
            auto times = ticks(pace, at(42));
            follow(pace, schedule(2, before, 50, after), at(42));
            for (const auto time : ticks(pace, at(110)))
                times.push_back(time);
            CHECK(count(times, 10, 50) == before * 40 / 1000);
            CHECK(count(times, 50, 110) == after * 60 / 1000);
        }
    }
}

TEST_CASE("after a restart ticks go on at the moments of the beat") {
    ReplyPace pace;
    follow(pace, in_force(1, 45'000), at(0));
    pace.restart(at(100), right);
    CHECK(pace.due() >= at(100));
    const auto times = ticks(pace, at(200));
    check_rate(times, 100, 200, 45);
    CHECK(on_the_beat(times));
}

TEST_CASE("a tick that is made ahead is not made again by a schedule that comes before it") {
    ReplyPace pace;
    follow(pace, in_force(1, 45'000), at(0));
    const auto made = pace.due();
    pace.ticked(right);
    const auto next = pace.due();
    CHECK(next > made);
    follow(pace, schedule(2, 45'000, 9, 30'000), made - Milliseconds{3});
    CHECK(pace.due() == next);
}

TEST_CASE("where the clock is put right between two moments, none has two ticks or is left out") {
    for (const int off_ms : {-9, -3, 3, 9}) {
        CAPTURE(off_ms);
        ReplyPace pace;
        follow(pace, in_force(1, 45'000), at(0));
        const auto before = ticks(pace, at(10));
        const auto moved = beat_of(Milliseconds{off_ms});
        pace.ticked(moved);
        const auto times = ticks(pace, at(20), moved);
        CHECK(times.front() - before.back() > 1.4 / 45);
        CHECK(times.front() - before.back() < 2.6 / 45);
    }
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
        {
            ReplyPace pace;
            follow(pace, schedule(5, 0, 6, 45'000), at(0));
            follow(pace, row.second, at(1));
            CHECK(pace.due() >= at(row.expected));
            CHECK(pace.due() < at(row.expected + 0.03));
        }
    }
}

TEST_CASE("the change comes at the exit's own second, whenever the packet arrives") {
    for (const int off_ms : {-1500, -1, 0, 1, 700}) {
        INFO("the exit's clock is ahead by " << off_ms << " ms");
        ReplyPace pace;
        const auto now = at(3.25);
        pace.follow(schedule(1, 0, 8, 45'000), most, now, beat_of(Milliseconds{off_ms}));
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
        ReplyPace pace;
        follow(pace, {1, 0, row.change_at, 45'000}, at(20));
        CHECK(pace.due() >= at(20 + row.expected));
        CHECK(pace.due() < at(20 + row.expected + 0.03));
        check_rate(ticks(pace, at(131)), 31, 131, 45);
    }
}

TEST_CASE("no pace is above the network's") {
    ReplyPace pace;
    follow(pace, schedule(1, 0xffffffff, 5, 0xffffffff), at(0));
    check_rate(ticks(pace, at(100)), 0, 100, 45);
    CHECK(pace.highest() == most);
}

TEST_CASE("a tick that is due already is not drawn anew by a schedule") {
    ReplyPace pace;
    follow(pace, in_force(1, 45'000), at(0));
    const auto due = pace.due();
    follow(pace, in_force(2, 0), at(5));
    CHECK(pace.due() == due);
    pace.ticked(right);
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
                follow(new_exit, over ? in_force(1, 45'000) : schedule(1, 0, 20, 45'000), now);
            } else if (packet.sent < 12) {
                follow(old_exit, in_force(1, 45'000), now);
            } else {
                follow(old_exit, over ? in_force(2, 0) : schedule(2, 45'000, 20, 0), now);
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
