// Judges one session's exit by its silence (docs/traffic-law.md section 2). All times are loop
// times (loop_watch.hpp), so a silence that the link or the gateway causes does not count.
//
// Pure, one thread.
#pragma once

#include <algorithm>
#include <optional>

#include "client/core/loop_watch.hpp"

namespace nightjar::client::core {

/// An exit counts as dead after this long without a reply while it should be ticking. `pace`:
/// replies per second.
base::Nanoseconds dead_after(double pace);

class ExitSilence {
 public:
    /// `begun`: when the session began, by the clock.
    explicit ExitSilence(base::Mono begun) : last_heard_{begun} {}
    /// A reply has arrived at `now` of the clock.
    void heard(LoopTime time, base::Mono now);
    /// The pace in force, in replies per second. Call it whenever a pace takes effect.
    void ticking(double pace, LoopTime time);
    /// The link is back after an interruption: the silence counts from here.
    void resume(LoopTime time);

    /// The exit should have been ticking, and no reply has come, for longer than dead_after().
    bool dead(LoopTime time) const;
    /// How long the exit has been ticking.
    LoopTime ticking_for(LoopTime time) const {
        return ticks_from_ ? time - *ticks_from_ : LoopTime{};
    }
    /// When the last reply arrived; before the first, when the session began.
    base::Mono last_heard() const { return last_heard_; }

 private:
    double pace_ = 0;
    std::optional<LoopTime> ticks_from_;  // since when the pace has been above zero
    LoopTime silent_from_{};
    base::Mono last_heard_;
};

}  // namespace nightjar::client::core
