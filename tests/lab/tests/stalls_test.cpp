// The score for lines that stall: it finds what was planted, whatever a stall does, and nothing
// where the far end does not follow.
#include "tests/lab/sessions/stalls.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr unsigned clients = 20;
constexpr double seconds = 120;

enum class Follows { no, by_a_pause, by_a_burst };

/// One event in each 20 ms or so.
attacks::Times far_end(const Stalls& stalls, unsigned client, Follows follows,
                       base::Random& random) {
    attacks::Times times;
    for (double at = 0; at < seconds; at += 0.04 * random.unit()) {
        bool in_stall = false;
        for (const auto begin : stalls.begins(client))
            in_stall = in_stall || (at >= begin && at < begin + stalls.line().lasts);
        if (in_stall && follows == Follows::by_a_pause) continue;
        times.push_back(static_cast<float>(at));
        if (in_stall && follows == Follows::by_a_burst) times.push_back(static_cast<float>(at));
    }
    return times;
}

StallScores score(Follows follows) {
    attacks::CrowdOptions options;
    options.clients = clients;
    options.seconds = seconds;
    const Stalls stalls{{"planted", 10, 0.5}, options};
    base::SeededRandom random{7};
    std::vector<attacks::Times> times;
    for (unsigned i = 0; i < clients; ++i)
        times.push_back(far_end(stalls, i, follows, random));
    std::vector<FarEnd> ends;
    for (unsigned i = 0; i < clients; ++i)
        ends.push_back({i, &times[i]});
    return score_by_stalls(stalls, ends, 1, seconds - 1);
}

}  // namespace

TEST_CASE("stalls: a far end that pauses, or has a burst, is its line's") {
    for (const auto follows : {Follows::by_a_pause, Follows::by_a_burst}) {
        const auto scores = score(follows);
        CHECK(scores.own.size() == clients);
        CHECK(scores.foreign.size() == clients * (clients - 1));
        CHECK(scores.right == clients);
        CHECK(measure::auc(scores.foreign, scores.own) == doctest::Approx(1));
    }
}

TEST_CASE("stalls: a far end that does not follow belongs to no line") {
    const auto scores = score(Follows::no);
    const auto auc = measure::auc(scores.foreign, scores.own);
    CHECK(auc > 0.3);  // one deviation is 0.065
    CHECK(auc < 0.7);
    CHECK(scores.right <= 4);  // 1 by chance
}

}  // namespace nightjar::lab::sessions
