// Holds of a client's packets: the exit's score and the client's loops find long ones, the loops
// find nothing where nothing is held, and what the client needs to be sure grows as it must.
#include "tests/lab/sessions/held_uplinks.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::sessions {
namespace {

struct Held {
    HeldUplinks::ExitScores scores;
    double seen;
    explicit Held(double lasts) {
        attacks::CrowdOptions options;
        options.clients = 8;
        options.busy_share = 0;
        options.seconds = 90;
        options.handover_after(base::Seconds{7000}, base::Seconds{7200});
        HeldUplinks holds{lasts, options};
        attacks::Crowd crowd{options};
        crowd.run();
        scores = holds.exit_scores(crowd.traces());
        seen = holds.seen_by_loops();
        CHECK(scores.held.size() == holds.holds());
        CHECK(scores.other.size() == holds.holds());
    }
    double auc() const { return measure::auc(scores.other, scores.held); }
};

}  // namespace

TEST_CASE("holds: one of a second shows at the exit and to the client's loops") {
    const Held held{1};
    CHECK(held.auc() > 0.95);
    CHECK(held.seen > 0.5);
}

TEST_CASE("holds: where the gate hides them, the exit finds none") {
    const Held held{0.001};
    CHECK(std::abs(held.auc() - 0.5) < 0.2);  // one deviation is 0.06
    CHECK(held.seen < 0.2);
}

TEST_CASE("holds: so many show more than one") {
    CHECK(summed({1, 2, 3, 4, 5}, 2) == std::vector<double>{3, 7});
    CHECK(summed({1, 2}, 3).empty());
}

TEST_CASE("holds: a client is sure later, the less its loops show and the slower they come") {
    CHECK(holds_to_notice(10, 1) < holds_to_notice(60, 1));
    CHECK(holds_to_notice(60, 1) < holds_to_notice(600, 1));
    CHECK(holds_to_notice(60, 1) < holds_to_notice(60, 0.3));
    CHECK(holds_to_notice(10, 1) > 4);  // ln(a year's polls) / ln(1 / 0.033) = 4.4
    CHECK(holds_to_notice(10, 1) < 6);
    CHECK(holds_to_notice(10, 0.002) > 100);
}

}  // namespace nightjar::lab::sessions
