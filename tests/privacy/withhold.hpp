// The n-1 attack: the attacker withholds all packets into one relay except one, which is then alone
// inside. Part of the experiment `active`.
#pragma once

#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

/// Rows "withhold": the time until lost loops reveal the attack, and how often the attacker follows
/// its packet meanwhile. Verdicts on both.
void withhold(const Options& options, Report& report);
/// Rows "false_alarms": the same detectors in a network without an attack, with and without
/// ordinary loss.
void false_alarms(const Options& options, Report& report);

}  // namespace nightjar::privacy
