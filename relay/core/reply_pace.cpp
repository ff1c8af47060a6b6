#include "relay/core/reply_pace.hpp"

#include <algorithm>

namespace nightjar::relay::core {

void ReplyPace::follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                       base::Wall wall, base::Random& random) {
    if (sequence_ && schedule.sequence <= *sequence_) return;
    // Account for the time until now at the old paces.
    if (sequence_)
        pass_to(now);
    else
        begin(now, random);
    sequence_ = schedule.sequence;
    before_ = std::min(directory::Rate{schedule.pace_milli}, most);
    after_ = before_;
    change_ = now;
    if (schedule.change_at != 0) {
        const auto ahead = base::Wall{base::Seconds{schedule.change_at}} - wall;
        change_ += std::clamp<base::Nanoseconds>(ahead, base::Nanoseconds{0}, notice_max);
        after_ = std::min(directory::Rate{schedule.next_pace_milli}, most);
    }
    // A tick that is already due stays as it is.
    if (due_ > now) due_ = when_due();
}

void ReplyPace::ticked() {
    from_ = due_;
    passed_ = 0;
    due_ = when_due();
}

void ReplyPace::begin(base::Mono now, base::Random& random) {
    from_ = now;
    passed_ = random.unit();
}

void ReplyPace::restart(base::Mono now, base::Random& random) {
    begin(now, random);
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
    auto left = std::max(0.0, 1 - passed_);
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

}  // namespace nightjar::relay::core
