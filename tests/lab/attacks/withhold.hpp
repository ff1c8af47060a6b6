// The n-1 attack: the attacker withholds all packets into one relay except one, which is then alone
// inside. Part of the experiment `active`.
#pragma once

#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::attacks {

/// Rows "withhold": the time until lost loops reveal the attack, and how often the attacker follows
/// its packet meanwhile. Verdicts on both.
void withhold(const measure::Options& options, measure::Report& report);
/// Rows "false_alarms": the same detectors in a network without an attack, with and without
/// ordinary loss.
void false_alarms(const measure::Options& options, measure::Report& report);

}  // namespace nightjar::lab::attacks
