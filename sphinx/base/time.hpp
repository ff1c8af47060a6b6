// The two clocks. Everywhere below the daemons both are arguments, so that a simulation can control
// them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nightjar::base {

/// Monotonic time, for durations and deadlines: the clock of std::chrono::steady_clock.
using Mono = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
/// Wall-clock time, for epochs and validity only.
using Wall = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

using Nanoseconds = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// Rounds to the nearest nanosecond; for durations sampled as a real number of seconds.
/// Precondition: seconds >= 0.
inline Nanoseconds from_seconds(double seconds) {
    return Nanoseconds{static_cast<std::int64_t>(seconds * 1e9 + 0.5)};
}
inline double to_seconds(Nanoseconds duration) {
    return static_cast<double>(duration.count()) * 1e-9;
}

/// Whole seconds since 1970, as documents, files, metrics and answers state times.
/// Precondition: `at` is not before 1970.
inline std::uint64_t unix_seconds(Wall at) {
    return static_cast<std::uint64_t>(at.time_since_epoch() / Seconds{1});
}

/// "2026-11-23 22:00:00 UTC", for people.
std::string utc_text(Wall at);
/// "2026-11-23T22:00:00Z" (RFC 3339), for lines that programs sort.
std::string utc_stamp(Wall at);

}  // namespace nightjar::base
