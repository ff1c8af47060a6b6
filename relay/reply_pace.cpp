#include "relay/reply_pace.hpp"

#include <algorithm>

namespace nightjar::relay {

void ReplyPace::follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                       base::Random& random) {
    const auto change = now + base::Milliseconds{schedule.change_in_ms};
    if (sequence_ && schedule.sequence < *sequence_) return;
    if (sequence_ && schedule.sequence == *sequence_ && change >= change_) return;
    // What has passed has passed at the old paces.
    if (sequence_) {
        pass_to(now);
    } else {
        from_ = now;
        place_ = directory::place_in_gap(random.unit());
    }
    if (!sequence_ || schedule.sequence > *sequence_) {
        before_ = std::min(directory::Rate{schedule.pace_milli}, most);
        after_ = std::min(directory::Rate{schedule.next_pace_milli}, most);
    }
    sequence_ = schedule.sequence;
    change_ = change;
    // A tick that is due already has happened and stays.
    if (due_ > now) due_ = when_due();
}

void ReplyPace::ticked(base::Random& random) {
    from_ = due_;
    passed_ = place_ - 1;
    place_ = directory::place_in_gap(random.unit());
    due_ = when_due();
}

void ReplyPace::restart(base::Mono now, base::Random& random) {
    from_ = now;
    passed_ = 0;
    place_ = directory::place_in_gap(random.unit());
    due_ = when_due();
}

void ReplyPace::pass_to(base::Mono now) {
    if (now <= from_) return;
    const auto turn = std::clamp(change_, from_, now);
    passed_ += before_.per_second() * base::to_seconds(turn - from_) +
               after_.per_second() * base::to_seconds(now - turn);
    from_ = now;
}

base::Mono ReplyPace::when_due() const {
    auto left = std::max(0.0, place_ - passed_);
    auto from = from_;
    if (from < change_) {
        const auto until_change = before_.per_second() * base::to_seconds(change_ - from);
        if (left < until_change) return from + base::from_seconds(left / before_.per_second());
        left -= until_change;
        from = change_;
    }
    return after_.milli == 0 ? base::Mono::max()
                             : from + base::from_seconds(left / after_.per_second());
}

}  // namespace nightjar::relay
