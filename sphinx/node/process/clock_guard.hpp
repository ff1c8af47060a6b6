// Guards against a wrong wall clock. Time that destroys keys must not follow one reading of
// CLOCK_REALTIME: a forged NTP answer would wipe them for good. The guard compares the wall clock
// with CLOCK_BOOTTIME, which counts suspends and which nothing sets. If the difference between the
// two changes by more than a minute, the clock has jumped. Until the new difference has stood for
// ten minutes, or the operator confirms it, the guard keeps time by CLOCK_BOOTTIME and the old
// difference. Steps of at most a minute are followed at once, but not more than a minute in ten.
//
// Pure: readings are arguments. One thread.
#pragma once

#include <optional>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::node::process {

class ClockGuard {
 public:
    static constexpr base::Milliseconds step_max = base::Seconds{60};
    static constexpr base::Seconds stands_after{600};

    /// `kept`: the difference that an earlier process of this boot has kept. Without it the first
    /// reading is believed.
    explicit ClockGuard(const ClockReading& first,
                        std::optional<base::Milliseconds> kept = std::nullopt);

    /// Takes a reading and returns the kept time: the wall clock's, unless it has jumped. Readings
    /// are at most a few seconds apart, else a step is noticed late.
    base::Wall look(const ClockReading& now);
    /// The wall clock of the last reading differs from the kept time by more than step_max.
    bool jumped() const { return jumped_; }
    /// The last reading, and the kept time then.
    const ClockReading& last() const { return last_; }
    base::Wall kept() const;
    /// The operator says that the wall clock is right. Precondition: none; without a jump it
    /// changes nothing.
    void confirm();

 private:
    void believe();

    ClockReading last_;
    base::Milliseconds believed_;  // wall clock minus boot clock, as it was when it had stood
    base::Milliseconds standing_;  // the difference that stands now, to within step_max
    base::Nanoseconds since_;      // the boot clock when it began to stand
    bool jumped_ = false;
};

}  // namespace nightjar::node::process
