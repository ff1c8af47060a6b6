// The two clocks. Both are arguments everywhere below the daemons, so a simulation can turn them.
#pragma once

#include <chrono>

namespace nightjar::base {

/// Durations and deadlines: never set back, the same clock as std::chrono::steady_clock.
using Mono = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
/// Epochs and validity only.
using Wall = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

using Nanoseconds = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// Rounded to the nearest nanosecond; for what is sampled as a real number of seconds.
inline Nanoseconds from_seconds(double seconds) {
    return Nanoseconds{static_cast<std::int64_t>(seconds * 1e9 + 0.5)};
}
inline double to_seconds(Nanoseconds duration) {
    return static_cast<double>(duration.count()) * 1e-9;
}

}  // namespace nightjar::base
