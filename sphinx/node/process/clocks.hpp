// The real clocks. Only daemons read them: everything else takes time as an argument. Any thread.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

base::Mono mono_now();
base::Wall wall_now();

/// How long the machine has been suspended since boot: CLOCK_BOOTTIME counts suspended time,
/// CLOCK_MONOTONIC does not, and this is their difference.
base::Nanoseconds time_suspended();

}  // namespace nightjar::node::process
