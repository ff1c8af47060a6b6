// The cost of fixed hops when a relay fails. Part of the experiment `routes`.
#pragma once

#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

/// Stops one mix of layer 2 while a client downloads, for each number of fixed hops; rows
/// "failing_relay" with the stream's pause and its rate before and after.
void failing_relay(const Options& options, Report& report);

}  // namespace nightjar::privacy
