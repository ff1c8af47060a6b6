// A rate whose takers wait for their turn: `burst` turns at once after a rest, then one each
// 1/rate. It says when a turn comes and keeps nothing that waits. Pure; one thread.
#pragma once

#include <algorithm>
#include <optional>

#include "sphinx/base/time.hpp"

namespace nightjar::base {

class Turns {
 public:
    /// `at_start`: turns at once at `now`. Precondition: per_second > 0, 1 <= at_start <= burst.
    Turns(double per_second, double burst, double at_start, Mono now)
        : gap_{from_seconds(1 / per_second)},
          ahead_{from_seconds((burst - 1) / per_second)},
          next_{now + from_seconds((burst - at_start) / per_second)} {}

    /// The time of the next turn, which is taken; nullopt if it comes later than `patience` from
    /// now, and then it stays. `now` never decreases.
    std::optional<Mono> take(Mono now, Nanoseconds patience) {
        next_ = std::max(next_, now);
        const auto turn = std::max(now, next_ - ahead_);
        if (turn - now > patience) return std::nullopt;
        next_ += gap_;
        return turn;
    }

 private:
    Nanoseconds gap_;
    Nanoseconds ahead_;
    Mono next_;  // the turn if there was no burst
};

}  // namespace nightjar::base
