// The real clocks; everything below the daemon gets time as an argument.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::relay {

base::Mono mono_now();
base::Wall wall_now();

/// How long the machine has been suspended since it was switched on: CLOCK_BOOTTIME goes on then,
/// CLOCK_MONOTONIC does not.
base::Nanoseconds time_suspended();

}  // namespace nightjar::relay
