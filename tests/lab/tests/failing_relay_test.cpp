// The verdicts on a failing relay refuse a network that does not keep what it says it keeps.
#include "tests/lab/attacks/failing_relay.hpp"

#include <doctest/doctest.h>

using namespace nightjar::lab::attacks;

using namespace nightjar::lab::measure;

namespace {

unsigned refusals(std::uint32_t fixed_hops, Stop stop, const FailingRun& run) {
    auto report = Report::silent();
    judge_failing(fixed_hops, stop, {run}, report);
    return report.failed();
}

}  // namespace

TEST_CASE("failing relay: the verdicts refuse a network that keeps no mix, and one that keeps on") {
    const auto kept = run_failing(1, 1, Stop::kept);
    const auto other = run_failing(1, 1, Stop::other);
    const auto none = run_failing(1, 0, Stop::kept);
    CHECK(refusals(1, Stop::kept, kept) == 0);
    CHECK(refusals(1, Stop::other, other) == 0);
    CHECK(refusals(0, Stop::kept, none) == 0);

    // Routes drawn anew for each packet, where one mix of them was to be kept.
    CHECK(refusals(1, Stop::kept, none) > 0);
    CHECK(refusals(1, Stop::other, none) > 0);
    // A session that keeps its mix, where none was to be kept.
    CHECK(refusals(0, Stop::kept, kept) == 1);
    CHECK(refusals(0, Stop::kept, other) == 1);
    // A session that is never given up.
    auto stuck = kept;
    stuck.resets = 0;
    stuck.slots_lost_late = 1;
    stuck.rate_after = 0;
    CHECK(refusals(1, Stop::kept, stuck) == 3);
}
