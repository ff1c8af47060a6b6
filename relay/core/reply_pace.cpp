#include "relay/core/reply_pace.hpp"

#include <algorithm>

namespace nightjar::relay::core {

void ReplyPace::follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                       const stream::Beat& beat) {
    if (sequence_ && schedule.sequence <= *sequence_) return;
    sequence_ = schedule.sequence;
    before_ = std::min(directory::Rate{schedule.pace_milli}, most);
    after_ = before_;
    rank_before_ = rank_after_ = schedule.first_rank;
    change_ = now;
    if (schedule.change_at != 0) {
        const auto second = beat.when(base::Wall{base::Seconds{schedule.change_at}});
        change_ = std::clamp(second, now, now + notice_max);
        after_ = std::min(directory::Rate{schedule.next_pace_milli}, most);
        rank_after_ = schedule.next_first_rank;
    }
    // A tick that is already due stays as it is.
    if (due_ > now) due_ = next(std::max(now, free_from_), beat);
}

void ReplyPace::ticked(const stream::Beat& beat) {
    // Half a gap, because the exit's clock may be put right between two moments.
    free_from_ = due_ + beat.gap() / 2;
    due_ = next(free_from_, beat);
}

void ReplyPace::restart(base::Mono now, const stream::Beat& beat) {
    free_from_ = now;
    due_ = next(now, beat);
}

base::Mono ReplyPace::next(base::Mono from, const stream::Beat& beat) const {
    if (from < change_ && before_.milli > 0) {
        const auto tick = beat.at(beat.tick_from(beat.from(from), before_.milli, rank_before_));
        if (tick < change_) return tick;
    }
    if (after_.milli == 0) return base::Mono::max();
    return beat.at(beat.tick_from(beat.from(std::max(from, change_)), after_.milli, rank_after_));
}

}  // namespace nightjar::relay::core
