#include "client/core/exit_silence.hpp"

namespace nightjar::client::core {

base::Nanoseconds dead_after(double pace) {
    return std::max<base::Nanoseconds>(base::Seconds{8},
                                       base::from_seconds(14.0 / std::max(pace, 0.01)));
}

void ExitSilence::heard(LoopTime time, base::Mono now) {
    silent_from_ = time;
    last_heard_ = now;
}

void ExitSilence::ticking(double pace, LoopTime time) {
    // A silence that was normal at the lower pace must not be judged by the higher one.
    if (pace > pace_) silent_from_ = time;
    if (pace > 0 && !ticks_from_) ticks_from_ = time;
    if (pace <= 0) ticks_from_.reset();
    pace_ = pace;
}

void ExitSilence::resume(LoopTime time) {
    silent_from_ = time;
}

bool ExitSilence::dead(LoopTime time) const {
    return ticks_from_ && time - silent_from_ > dead_after(pace_);
}

}  // namespace nightjar::client::core
