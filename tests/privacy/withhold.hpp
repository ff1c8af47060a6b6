// The n-1 attack: everything that goes into one relay is withheld but for one packet, which is
// then alone in there. Part of the experiment `active`.
#pragma once

#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

/// Rows "withhold": how long until loops tell it from chance, and how often the attacker follows
/// its packet meanwhile. Verdicts on both.
void withhold(const Options& options, Report& report);
/// Rows "false_alarms": the same detectors in a calm network, with and without ordinary loss.
void false_alarms(const Options& options, Report& report);

}  // namespace nightjar::privacy
