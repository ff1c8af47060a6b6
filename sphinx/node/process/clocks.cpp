#include "sphinx/node/process/clocks.hpp"

#include <sys/timex.h>

#include <ctime>

namespace nightjar::node::process {

namespace {

base::Nanoseconds read(clockid_t clock) {
    std::timespec at{};
    ::clock_gettime(clock, &at);
    return base::Seconds{at.tv_sec} + base::Nanoseconds{at.tv_nsec};
}

}  // namespace

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

base::Wall wall_now() {
    return std::chrono::time_point_cast<base::Milliseconds>(std::chrono::system_clock::now());
}

ClockReading read_clocks() {
    return {wall_now(), read(CLOCK_BOOTTIME)};
}

bool wall_synchronised() {
    ::timex state{};  // no mode bit is set, so nothing is changed
    return ::adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
}

base::Nanoseconds time_suspended() {
    const auto monotonic = read(CLOCK_MONOTONIC);
    return read(CLOCK_BOOTTIME) - monotonic;
}

}  // namespace nightjar::node::process
