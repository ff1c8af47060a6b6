#include "client/core/clock_correction.hpp"

#include <algorithm>

namespace nightjar::client::core {

void ClockCorrection::heard(const TimeHeard& time) {
    // A clock that was synchronised until now is right but for drift.
    if (synchronised_ != time.synchronised) {
        found_ = synchronised_.value_or(false);
        settled_ = settled_ || found_;
    }
    synchronised_ = time.synchronised;
    const auto ahead = time.gateway - time.host;
    ahead_ = window_from_ ? std::max(ahead_, ahead) : ahead;
    if (!window_from_) window_from_ = time.at;
}

base::Milliseconds ClockCorrection::at(base::Mono now, base::Wall host) {
    look_for_set_clock(now, host);
    if (synchronised_.value_or(true)) {
        correction_ = {};
        right_at_ = now;
    }
    if (!window_from_) return correction_;
    const auto heard_for = now - *window_from_;
    const bool better = !found_ || (!settled_ && ahead_ > correction_);
    const bool sooner = heard_for >= first_window && better && !synchronised_.value_or(true);
    if (heard_for < window && !sooner) return correction_;
    if (heard_for >= window) window_from_.reset();
    gateway_ahead_ = ahead_;
    if (!synchronised_.value_or(true) && ahead_ <= most && ahead_ >= -most) follow(ahead_, now);
    return correction_;
}

void ClockCorrection::follow(base::Milliseconds ahead, base::Mono now) {
    const auto move = ahead - correction_;
    const auto drift = std::chrono::floor<base::Milliseconds>((now - right_at_) / drift_divisor);
    correction_ += found_ && settled_ ? std::clamp(move, -drift, drift) : move;
    found_ = true;
    right_at_ = now;
}

/// Then what was found no longer holds, and what was heard before must not count.
void ClockCorrection::look_for_set_clock(base::Mono now, base::Wall host) {
    const auto difference =
        host.time_since_epoch() - std::chrono::floor<base::Milliseconds>(now.time_since_epoch());
    const auto moved = wall_less_mono_ ? difference - *wall_less_mono_ : base::Milliseconds{};
    wall_less_mono_ = difference;
    if (moved < set_by && moved > -set_by) return;
    found_ = false;
    window_from_.reset();
}

}  // namespace nightjar::client::core
