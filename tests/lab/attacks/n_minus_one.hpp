// What an attacker gains at one mix that it empties (the n-1 attack): it withholds, replaces or
// delays all packets into the mix except one, and then picks the packet that leaves as that one.
// For each law of mixing, with the relay's answer (relay/core/loop_watch.hpp) and without it. Part
// of the experiment `active`.
#pragma once

#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::attacks {

/// Rows "n_minus_one", and verdicts on them.
void n_minus_one(const measure::Options& options, measure::Report& report);

}  // namespace nightjar::lab::attacks
