#include "tests/lab/measure/beat.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::lab::measure;

namespace {

constexpr std::uint32_t whole = 45'000;
constexpr std::size_t exits = 5, rounds = 40;
constexpr std::size_t change = 11'000, end = 22'000;  // milliseconds

using Sent = std::vector<std::uint8_t>;

void add_train(Sent& sent, double pace, std::size_t from, std::size_t to, base::Random& random) {
    const auto gap = 1000 / pace;
    for (auto at = static_cast<double>(from) + gap * random.unit(); at < static_cast<double>(to);
         at += gap)
        ++sent[static_cast<std::size_t>(at)];
}

void add_poisson(Sent& sent, double rate, std::size_t from, std::size_t to, base::Random& random) {
    for (double at = static_cast<double>(from);;) {
        at += base::to_seconds(random.exponential(base::Seconds{1})) * 1000 / rate;
        if (at >= static_cast<double>(to)) return;
        ++sent[static_cast<std::size_t>(at)];
    }
}

/// How often each score finds the exit that differs, with exits in random order.
struct Found {
    std::size_t line = 0, pattern = 0, cells = 0;
};

/// `make(random, differs)`: what one exit sends. `fall`: look for the exit that fell.
template <class Make>
Found found(Make make, std::size_t window, Trains trains, bool fall = false) {
    base::SeededRandom random{7};
    Found result;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto which = random.below(exits);
        BeatChange best{-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
        std::array<std::size_t, 3> guess{};
        for (std::size_t exit = 0; exit < exits; ++exit) {
            const Sent sent = make(random, exit == which);
            auto before = change - window, after = change;
            if (fall) std::swap(before, after);
            const auto one = beat_change(sent, before, after, window, whole, trains);
            if (one.line > best.line) best.line = one.line, guess[0] = exit;
            if (one.pattern > best.pattern) best.pattern = one.pattern, guess[1] = exit;
            if (one.cells > best.cells) best.cells = one.cells, guess[2] = exit;
        }
        result.line += guess[0] == which;
        result.pattern += guess[1] == which;
        result.cells += guess[2] == which;
    }
    return result;
}

/// An exit with two to six sessions. Poisson cover fills its total, so that is the same before and
/// after.
Sent filled(base::Random& random, double before, double after) {
    Sent sent(end);
    for (auto sessions = 2 + random.below(5); sessions > 0; --sessions)
        add_train(sent, 45, 0, end, random);
    for (const auto& [pace, from, to] :
         {std::tuple{before, std::size_t{0}, change}, std::tuple{after, change, end}}) {
        if (pace > 0) add_train(sent, pace, from, to, random);
        add_poisson(sent, 400 - pace, from, to, random);
    }
    return sent;
}

}  // namespace

TEST_CASE("beat: a session that begins is found although cover keeps the exit's total") {
    const auto begins = [](base::Random& random, bool differs) {
        return filled(random, 0, differs ? 45 : 0);
    };
    const auto by = found(begins, 8000, Trains::whole);
    CHECK(by.line == rounds);
    CHECK(by.pattern >= rounds - 4);
    CHECK(by.cells >= rounds - 4);
    CHECK(found(begins, 1000, Trains::whole).line >= rounds - 1);
}

TEST_CASE("beat: of exits that all keep their sessions none is found more often than by chance") {
    // 8 of 40 are expected, with a deviation of 2.5.
    const auto nothing = [](base::Random& random, bool) { return filled(random, 0, 0); };
    const auto by = found(nothing, 8000, Trains::any);
    CHECK(by.line <= 18);
    CHECK(by.pattern <= 18);
    CHECK(by.cells <= 18);
}

TEST_CASE("beat: a session that ends is found by the train that falls, whichever pace it had") {
    for (const auto pace : {45.0, 30.0, 27.0}) {
        CAPTURE(pace);
        const auto ends = [pace](base::Random& random, bool differs) {
            return filled(random, differs ? pace : 0, 0);
        };
        CHECK(found(ends, 2000, Trains::any, true).line >= rounds - 5);
    }
}

TEST_CASE("beat: where all sessions share one beat, an exit that sends more at each is found") {
    const auto common = [](base::Random& random, bool differs) {
        Sent sent(end);
        const auto phase = 22.0 * random.unit();
        for (unsigned beat = 0; beat < 985; ++beat) {
            const auto at = static_cast<std::size_t>(phase + beat * 1000.0 / 45);
            sent[at] = differs && at >= change ? 6 : 5;
        }
        add_poisson(sent, differs ? 245 : 200, 0, change, random);
        add_poisson(sent, 200, change, end, random);
        return sent;
    };
    const auto by = found(common, 2000, Trains::any);
    CHECK(by.line >= rounds - 1);
    CHECK(by.cells >= rounds - 1);
}

TEST_CASE(
    "beat: where all sessions change paces and phases, the exit that gets one more is found") {
    // At the end of a trial the paces of all clients change, and a client's new session gets most.
    const auto handover = [](base::Random& random, bool differs) {
        Sent sent(end);
        for (unsigned client = 0; client < 4; ++client) {
            for (const auto pace : {27.0, 13.5, 4.5})
                add_train(sent, pace, 0, change, random);
            for (const auto pace : {30.0, 15.0})
                add_train(sent, pace, change, end, random);
        }
        if (differs) add_train(sent, 30, change, end, random);
        add_poisson(sent, differs ? 230 : 200, 0, change, random);
        add_poisson(sent, 200, change, end, random);
        return sent;
    };
    CHECK(found(handover, 8000, Trains::any).cells >= rounds - 6);
}
