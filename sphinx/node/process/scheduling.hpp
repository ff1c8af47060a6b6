// How soon the kernel runs a thread that has something to do. Nothing here needs a right, and
// without effect a thread only waits like all others.
#pragma once

namespace nightjar::node::process {

/// The calling thread gets a short time slice. Since Linux 6.12 such a thread runs as soon as it
/// wakes; others may wait until the slice of the running thread ends, some milliseconds later. Its
/// share of the processor stays the same.
void take_short_slices();

/// The calling thread gets the lowest real-time priority if the process has the right to one
/// (RLIMIT_RTPRIO or CAP_SYS_NICE), and short time slices if not. Its timers become exact. For a
/// thread that does little.
void take_priority();

}  // namespace nightjar::node::process
