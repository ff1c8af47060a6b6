// The real clocks. Everything below the daemon gets time as an argument.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::relay {

base::Mono mono_now();
base::Wall wall_now();

/// How long the machine has been suspended since boot: CLOCK_BOOTTIME counts suspended time,
/// CLOCK_MONOTONIC does not, and this is their difference.
base::Nanoseconds time_suspended();

}  // namespace nightjar::relay
