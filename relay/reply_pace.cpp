#include "relay/reply_pace.hpp"

#include <algorithm>

namespace nightjar::relay {

void ReplyPace::follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                       base::Random& random) {
    const auto change = now + base::Milliseconds{schedule.change_in_ms};
    if (sequence_ && schedule.sequence < *sequence_) return;
    if (sequence_ && schedule.sequence == *sequence_) {
        if (change >= change_) return;
        change_ = change;
    } else {
        sequence_ = schedule.sequence;
        before_ = std::min(directory::Rate{schedule.pace_milli}, most);
        after_ = std::min(directory::Rate{schedule.next_pace_milli}, most);
        change_ = change;
    }
    // A Poisson process has no memory, so what lies ahead may be drawn anew; a tick that is due
    // already has happened and stays.
    if (due_ > now) draw(now, random);
}

void ReplyPace::draw(base::Mono from, base::Random& random) {
    // A unit exponential, spent at `before_` a second until the change and at `after_` from then.
    auto left = base::to_seconds(random.exponential(base::Seconds{1}));
    if (from < change_) {
        const auto spent = before_.per_second() * base::to_seconds(change_ - from);
        if (left < spent) {
            due_ = from + base::from_seconds(left / before_.per_second());
            return;
        }
        left -= spent;
        from = change_;
    }
    due_ = after_.milli == 0 ? base::Mono::max()
                             : from + base::from_seconds(left / after_.per_second());
}

}  // namespace nightjar::relay
