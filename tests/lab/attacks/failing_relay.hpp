// The cost of fixed hops when a relay fails. Part of the experiment `routes`.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::attacks {

/// Whether the stopped mix is the one that the session keeps in that layer.
enum class Stop { kept, other };

/// One client downloads without end, and one mix of layer 2 stops. Rates are in bytes a second.
struct FailingRun {
    double rate_before = 0;
    double rate_after = 0;         // from a minute after on
    double pause_s = 0;            // the longest time without a byte
    unsigned resets = 0;           // streams that ended because their session was given up
    double slots_lost_early = 0;   // share whose route passes the stopped mix
    double slots_lost_late = 0;    // from a minute after on
    double ticks_missed_late = 0;  // share of the exits' ticks that found no SURB
};
/// Without fixed hops the session keeps no mix: Stop::kept then stops the one that it used most.
FailingRun run_failing(std::uint64_t seed, std::uint32_t fixed_hops, Stop stop);

/// Verdicts on all runs of one kind. Precondition: there is one.
void judge_failing(std::uint32_t fixed_hops, Stop stop, const std::vector<FailingRun>& runs,
                   measure::Report& report);

/// Runs for each number of fixed hops; rows "failing_relay" with the stream's pause and its rate
/// before and after, and the verdicts.
void failing_relay(const measure::Options& options, measure::Report& report);

}  // namespace nightjar::lab::attacks
