// The real clocks. Only daemons read them: everything else takes time as an argument. Any thread.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

base::Mono mono_now();
base::Wall wall_now();

/// What both clocks say at one moment.
struct ClockReading {
    base::Wall wall;
    base::Nanoseconds boot{};  // CLOCK_BOOTTIME: counts suspends, and nothing sets it
    /// Changes only when the wall clock is stepped.
    base::Milliseconds difference() const {
        return wall.time_since_epoch() - std::chrono::floor<base::Milliseconds>(boot);
    }
};
ClockReading read_clocks();

/// The kernel says that something keeps the wall clock right, as NTP daemons do. False if nothing
/// has for some hours, or if the kernel does not say (adjtimex(2), STA_UNSYNC).
bool wall_synchronised();

/// How long the machine has been suspended since boot: CLOCK_BOOTTIME counts suspended time,
/// CLOCK_MONOTONIC does not, and this is their difference.
base::Nanoseconds time_suspended();

}  // namespace nightjar::node::process
