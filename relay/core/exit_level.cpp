#include "relay/core/exit_level.hpp"

#include <algorithm>
#include <cmath>

#include "relay/core/limits.hpp"

namespace nightjar::relay::core {

void ExitLevel::follow(double pace, const directory::Parameters& parameters, base::Mono now,
                       base::Wall wall) {
    if (headroom_.off()) return;
    const auto network_time = std::chrono::floor<base::Seconds>(wall).time_since_epoch();
    const auto lifetime = parameters.session_lifetime;
    const auto period = (network_time - std::min(settled, lifetime / 2)) / lifetime;
    const auto minute = network_time / overflow_grid;
    const bool first = period_ == INT64_MIN;
    const bool overflows = minute != minute_ && pace > level_;
    const bool draws = period != period_ || overflows;
    period_ = period;
    minute_ = minute;
    if (!draws && pace == pace_) return;
    pass_to(now);
    pace_ = pace;
    if (draws) draw(pace, parameters);
    if (first) {
        place_ = directory::place_in_gap(random_.unit());
        passed_ = place_ - random_.unit();
    }
    plan();
}

void ExitLevel::draw(double pace, const directory::Parameters& parameters) {
    const auto client = parameters.replies.per_second();
    const auto clients = std::max(1.0, pace / client);
    const auto room = headroom_.share * pace + headroom_.root_clients * client * std::sqrt(clients);
    level_ = pace + room * (0.5 + random_.unit());
}

void ExitLevel::taken(base::Mono now) {
    // After a stall the late loops are not made up: a burst would show the stall.
    from_ = now - due_ > lateness_max ? now : due_;
    passed_ = place_ - 1;
    place_ = directory::place_in_gap(random_.unit());
    plan();
}

void ExitLevel::pass_to(base::Mono now) {
    if (now > from_) passed_ += std::max(0.0, level_ - pace_) * base::to_seconds(now - from_);
    from_ = std::max(from_, now);
    // A loop that is already due stays due.
    passed_ = std::min(passed_, place_);
}

void ExitLevel::plan() {
    const auto rate = level_ - pace_;
    constexpr double least = 1e-3;  // loops per second
    due_ = rate < least ? base::Mono::max()
                        : from_ + base::from_seconds(std::max(0.0, place_ - passed_) / rate);
}

}  // namespace nightjar::relay::core
