// Tagging and replay: what an attacker changes on its way, or sends twice, must show in nothing
// that leaves anybody. Part of the experiment `active`.
#pragma once

#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

/// Rows "trace": cells of all links that differ between a run under attack and the calm one of the
/// same seed; verdicts that there are none. Rows "tagged_session": whether the exit's and the
/// gateway's links to the mixes tell an attacked client's session from a calm one.
///
/// What differs by design. A packet whose payload was changed ends where its route ends, and is
/// then missing: its SURBs at the exit, or its data at the client. The client makes that good
/// inside its slots, so no cell on any client's link changes; but the packets in those slots take
/// other routes, drawn by the same law, so that between the mixes equality ends where the first
/// changed packet ends. A session none of whose packets arrives is given up after 8 s and another
/// exit is chosen: that shows, and is the positive control.
void tagging(const Options& options, Report& report);

}  // namespace nightjar::privacy
