#include "relay/core/exit_level.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using relay::core::ExitLevel;

namespace {

directory::Parameters with_room(std::uint32_t room) {
    directory::Parameters law;
    law.exit_room = room;
    return law;
}

std::size_t within(const std::vector<double>& times, double from, double to) {
    return static_cast<std::size_t>(std::count_if(
        times.begin(), times.end(), [&](double at) { return at >= from && at < to; }));
}

/// An exit from a multiple of the session lifetime on. It gets packets evenly, and sends replies at
/// the moments of its beat: one a second is 1/45 at each, and so on.
struct Exit {
    base::SeededRandom random;
    ExitLevel level;
    stream::Beat beat{45'000};
    Mono now{};
    double owed_got = 0, owed_sent = 0;
    std::vector<double> got{}, sent{}, loops{}, drop_cover{};  // seconds
    std::map<Mono, unsigned> at_moment{};                      // all that leaves
    bool lingering = true;     // false: no replies at every third moment
    std::size_t at_few = 0;    // replies more at every tenth moment
    Milliseconds late_once{};  // the next step

    explicit Exit(std::uint32_t room = 1000, std::uint64_t seed = 1)
        : random{seed}, level{with_room(room), random} {
        beat.follow(now, wall());
    }

    double seconds() const { return base::to_seconds(now.time_since_epoch()); }
    base::Wall wall() const {
        return base::Wall{Seconds{3600 * 1000}} +
               std::chrono::floor<Milliseconds>(now.time_since_epoch());
    }
    void run(double rate_got, double rate_sent, double lasts) {
        run(rate_got, rate_sent, lasts, rate_sent);
    }
    void run(double rate_got, double rate_sent, double lasts, double pace) {
        auto moment = beat.at(beat.from(now));
        for (const auto end = now + base::from_seconds(lasts); now < end; now += Milliseconds{1}) {
            for (owed_got += rate_got / 1000; owed_got >= 1; --owed_got) {
                level.got();
                got.push_back(seconds());
            }
            if (late_once > Milliseconds{0}) now += std::exchange(late_once, Milliseconds{0});
            std::size_t replies = 0;
            for (; moment <= now; moment = beat.at(beat.from(moment + beat.gap() / 2))) {
                for (owed_sent += rate_sent / 45; owed_sent >= 0.999; --owed_sent)
                    ++replies;
                if (!lingering && beat.from(moment) % 3 == 0) replies = 0;
                if (beat.from(moment) % 10 == 0) replies += at_few;
            }
            sent.insert(sent.end(), replies, seconds());
            const auto missing = level.missing(pace, replies, beat, now, wall());
            loops.insert(loops.end(), missing.loops, seconds());
            drop_cover.insert(drop_cover.end(), missing.drop_cover, seconds());
            const auto all = static_cast<unsigned>(replies) + missing.loops + missing.drop_cover;
            if (all > 0) at_moment[now] += all;
        }
    }
    double all_got(double from, double to) const {
        return static_cast<double>(within(got, from, to) + within(loops, from, to));
    }
    double all_sent(double from, double to) const {
        return static_cast<double>(within(sent, from, to) + within(loops, from, to) +
                                   within(drop_cover, from, to));
    }
    /// How many packets left at the moments in this time: each number once.
    std::set<unsigned> counts(double from, double to) const {
        std::set<unsigned> found;
        for (const auto& [time, count] : at_moment) {
            const auto second = base::to_seconds(time.time_since_epoch());
            if (second >= from && second < to) found.insert(count);
        }
        return found;
    }
};

}  // namespace

TEST_CASE("an exit sends one number of packets at each moment, whichever sessions come and go") {
    Exit exit;
    exit.run(1000, 900, 200);  // the second levels are drawn at 120 s
    const auto levels = exit.level.levels();
    CHECK(levels.got > 1000 + 0.5 * 0.05 * 900);
    CHECK(levels.sent > 900 + levels.got - 1000 - 45);
    // A client comes: its packets first, its replies 3 s later. Another leaves, in the other order.
    exit.run(1050, 900, 3);
    exit.run(1050, 945, 20);
    exit.run(1050, 900, 2);
    exit.run(1000, 900, 20);
    exit.run(500, 450, 20);
    CHECK(exit.level.levels().got == levels.got);
    CHECK(exit.level.levels().sent == levels.sent);
    CHECK(exit.counts(121, 245) == std::set{exit.level.per_moment()});
    CHECK(levels.sent == doctest::Approx(45.0 * exit.level.per_moment()));
    // Nothing leaves between two moments.
    std::size_t moments = 0;
    for (const auto& [time, count] : exit.at_moment)
        moments += time >= Mono{Seconds{121}} && time < Mono{Seconds{245}};
    CHECK(std::abs(static_cast<double>(moments) - 124 * 45) <= 1);
    // Windows begin 0.6 s after a change.
    for (const double from : {200.6, 203.6, 210.0, 223.6, 225.6, 230.0})
        CHECK(exit.all_got(from, from + 1) == doctest::Approx(levels.got).epsilon(0.01));
}

TEST_CASE("sessions that tick at every third moment only are hidden by the other two") {
    Exit exit;
    exit.run(1000, 45 * 12 + 15, 200);  // 12, 12 and 13 replies
    CHECK(exit.counts(121, 200) == std::set{exit.level.per_moment()});
}

TEST_CASE("levels are drawn once in a lifetime, two minutes after the common handover") {
    Exit exit;
    std::map<double, int> levels;  // and the tenth second in which each was first seen
    for (int step = 0; step < 2 * 360 + 30; ++step) {
        exit.run(0, 0, 10);
        levels.emplace(exit.level.levels().got, step);
    }
    std::vector<int> at;
    for (const auto& [level, seen] : levels)
        at.push_back(seen);
    std::sort(at.begin(), at.end());
    CHECK(at == std::vector{0, 12, 372, 732});  // the first one when the exit starts
}

TEST_CASE("the room above what an exit gets is drawn from half to one and a half of the mean") {
    for (const std::uint32_t room : {1000u, 500u, 4000u}) {
        double least = 1e9, most = 0, sum = 0;
        for (std::uint64_t seed = 1; seed <= 400; ++seed) {
            Exit exit{room, seed};
            exit.run(0, 900, 0.6);  // levels follow from half a second
            const auto drawn = exit.level.levels().got;
            least = std::min(least, drawn);
            most = std::max(most, drawn);
            sum += drawn / 400;
            CHECK(exit.level.levels().sent > 900 + drawn - 45);  // whole packets a moment
        }
        const auto mean = room / 1000.0 * (0.05 * 900 + 45 * std::sqrt(20));
        CHECK(least == doctest::Approx(mean / 2).epsilon(0.02));
        CHECK(most == doctest::Approx(1.5 * mean).epsilon(0.02));
        CHECK(sum == doctest::Approx(mean).epsilon(0.05));
    }
}

TEST_CASE("an exit's first levels follow from what it gets and sends, not from nothing") {
    Exit exit;
    exit.run(1000, 900, 0.49);
    CHECK(exit.level.levels().got == 0);
    CHECK(exit.loops.empty());
    exit.run(1000, 900, 0.2);
    CHECK(exit.level.levels().got > 1000 + 0.5 * 0.05 * 900);
    CHECK(exit.level.levels().sent > 900 + exit.level.levels().got - 1000 - 45);
}

TEST_CASE("packets poured into an exit while it draws do not come back as cover for an hour") {
    Exit exit;
    exit.run(1000, 900, 119);
    exit.run(50'000, 50'000, 1.5, 900);  // the levels are drawn at 120 s
    exit.run(1000, 900, 0.6);
    REQUIRE(exit.level.levels().got > 40'000);
    const auto from = exit.seconds();
    exit.run(1000, 900, 10);
    const auto most = 10 * 3 * (0.05 * 900 + 45 * std::sqrt(20));  // three rooms of 20 clients
    CHECK(static_cast<double>(within(exit.loops, from, from + 10)) < 1.1 * most);
    // For two frames it also takes the sessions' own replies for uneven.
    CHECK(static_cast<double>(within(exit.drop_cover, from, from + 10)) < 1.1 * most + 60 * 20);
}

TEST_CASE("where more comes or leaves than a level, both are drawn anew at the next minute") {
    for (const bool sends : {false, true}) {
        Exit exit;
        exit.run(1000, 900, 130);
        const auto levels = exit.level.levels();
        const double more = sends ? levels.sent + 100 : 900;
        const double gets = sends ? 1000 : levels.got + 100;
        exit.run(gets, more, 100);  // at 180 s the last minute still has ten seconds of before
        CHECK(within(sends ? exit.drop_cover : exit.loops, 131, 175) == 0);
        exit.run(gets, more, 60);
        CHECK((sends ? exit.level.levels().sent : exit.level.levels().got) > (sends ? more : gets));
        CHECK(exit.level.levels().got != levels.got);
    }
}

TEST_CASE("an exit without sessions gets and sends at levels of its own") {
    Exit exit;
    exit.run(0, 0, 60);
    const auto levels = exit.level.levels();
    CHECK(levels.got >= 22.5);
    CHECK(levels.got <= 67.5);
    CHECK(exit.all_got(0, 60) == doctest::Approx(60 * levels.got).epsilon(0.06));
    CHECK(exit.all_sent(0, 60) == doctest::Approx(60 * levels.sent).epsilon(0.06));
}

TEST_CASE("after a stall no cover is made up, and the stall is not a time without packets") {
    Exit exit;
    exit.run(1000, 900, 130);
    const auto before = exit.loops.size();
    exit.now += Seconds{30};
    exit.run(1000, 900, 1);
    CHECK(static_cast<double>(exit.loops.size() - before) < 1.5 * (exit.level.levels().got - 1000));
}

TEST_CASE("the next call is due at the next moment of the beat") {
    Exit exit;
    exit.run(0, 0, 10);
    for (int i = 0; i < 300; ++i) {
        const auto due = exit.level.due();
        CHECK(due == exit.beat.at(exit.beat.from(exit.now)));
        exit.now = due - base::Nanoseconds{1};
        const auto early = exit.level.missing(0, 0, exit.beat, exit.now, exit.wall());
        CHECK(early.loops + early.drop_cover == 0);
        exit.now = due;
        const auto there = exit.level.missing(0, 0, exit.beat, exit.now, exit.wall());
        CHECK(there.loops + there.drop_cover == exit.level.per_moment());
        exit.now = due + base::Nanoseconds{1};
    }
}

TEST_CASE("cover that may leave at a moment is named before, so that it can be built") {
    Exit exit;
    exit.run(1000, 900, 130);
    CHECK(exit.level.cover_per_moment() == exit.level.per_moment() - 20 + 1);
    exit.lingering = false;
    exit.run(1000, 900, 2);
    CHECK(exit.level.cover_per_moment() == exit.level.per_moment() + 1);
}

TEST_CASE("an exit without lingering sessions fills the moments that its others leave out") {
    Exit exit;
    exit.lingering = false;
    exit.run(1000, 45 * 16, 200);  // 16 main sessions: at two moments of three
    CHECK(exit.counts(121, 200) == std::set{exit.level.per_moment()});
    CHECK(exit.level.per_moment() > 16);
}

TEST_CASE("neither a stall nor sessions of few ticks set the level") {
    Exit quiet;
    quiet.run(1000, 900, 125);
    for (const bool stalls : {false, true}) {
        Exit exit;
        exit.run(1000, 900, 117);
        // Sixteen sessions at three moments of thirty; or a call late by ten moments.
        if (!stalls) exit.at_few = 16;
        exit.run(1000, 900, 2.2);
        if (stalls) exit.late_once = Milliseconds{230};
        exit.run(1000, 900, 5.2);
        CHECK(exit.level.per_moment() <= quiet.level.per_moment() + 1);
    }
}

TEST_CASE("a reply between two moments is one less at the next") {
    Exit exit;
    exit.run(1000, 900, 130);
    const auto whole = exit.level.per_moment();
    exit.now = exit.level.due() + Milliseconds{2};
    exit.level.missing(900, 20, exit.beat, exit.level.due(), exit.wall());
    const auto between = exit.level.missing(900, 1, exit.beat, exit.now, exit.wall());
    CHECK(between.loops + between.drop_cover == 0);
    exit.now = exit.level.due();
    const auto there = exit.level.missing(900, 20, exit.beat, exit.now, exit.wall());
    CHECK(there.loops + there.drop_cover == whole - 21);
}

TEST_CASE("without room there is no level, and no random draw") {
    Exit exit{0};
    exit.run(1000, 900, 200);
    CHECK(exit.level.off());
    CHECK(exit.loops.empty());
    CHECK(exit.drop_cover.empty());
    CHECK(exit.level.due() == Mono::max());
    base::SeededRandom untouched{1};
    CHECK(exit.random.u64() == untouched.u64());
}

TEST_CASE("an exit follows the room of each document: off, on, and another from the next draw") {
    Exit exit{0};
    exit.run(1000, 900, 10);
    exit.level.use(with_room(1000));
    CHECK(exit.level.due() <= exit.now);
    exit.run(1000, 900, 10);
    const auto levels = exit.level.levels();
    CHECK(levels.got > 1000);
    CHECK(exit.loops.size() > 500);
    exit.level.use(with_room(4000));
    exit.run(1000, 900, 10);
    CHECK(exit.level.levels().got == levels.got);
    exit.run(1000, 900, 100);  // past 120 s
    CHECK(exit.level.levels().got - 1000 > 1.3 * (levels.got - 1000));
    exit.level.use(with_room(0));
    const auto sent = exit.loops.size() + exit.drop_cover.size();
    CHECK(exit.level.due() == Mono::max());
    exit.run(1000, 900, 10);
    CHECK(exit.loops.size() + exit.drop_cover.size() == sent);
}
