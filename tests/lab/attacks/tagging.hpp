// Tagging and replay attacks. A packet that an attacker modifies or sends twice must not change any
// cell that leaves a relay or a client. Part of the experiment `active`.
#pragma once

#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::attacks {

/// Rows "trace": the number of cells on all links that differ between an attacked run and the run
/// of the same seed without an attack; verdicts that it is zero. Rows "tagged_session": whether the
/// links between the mixes and the exit or the gateway distinguish an attacked client's session
/// from another one.
///
/// Some differences are by design. A packet with a modified payload is lost at the end of its
/// route, with its SURBs at the exit or its data for the client. The client resends that in its
/// regular slots, so no cell on a client's link changes. But the packets in those slots take other
/// routes, drawn from the same distribution. So the traces between the mixes are equal only until
/// the first modified packet reaches the end of its route. A session without any arriving packet is
/// given up after 8 s, and the client chooses another exit. That is visible, and it is the positive
/// control.
void tagging(const measure::Options& options, measure::Report& report);

}  // namespace nightjar::lab::attacks
