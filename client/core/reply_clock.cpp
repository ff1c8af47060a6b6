#include "client/core/reply_clock.hpp"

#include <algorithm>
#include <cmath>

namespace nightjar::client::core {
namespace {

constexpr base::Seconds check_step{3};
// Beyond this, changes of pace are of no more use.
constexpr base::Seconds legs_kept{300};
constexpr base::Milliseconds step{500};
// The offset is left alone while replies come no more than `early` too early and no more than
// `late` too late. A correction leaves them between 0 and `step` late, so both are a step away.
constexpr base::Milliseconds early{500};
constexpr base::Milliseconds late{1000};
constexpr base::Seconds window{60};
// More than clocks explain: an exit follows a change within 10 s (relay/core/reply_pace.hpp). So it
// heard of one late, and the ticks until then were others than the schedule's.
constexpr base::Seconds heard_late{10};
constexpr std::uint32_t enough = 50;  // replies, to believe that all of them are late

}  // namespace

void ReplyBeat::follow(std::uint32_t sequence, directory::Rate before, base::Mono change_at,
                       directory::Rate next, base::Mono now) {
    if (sequence_ == sequence) return;
    sequence_ = sequence;
    if (legs_.empty()) legs_.push_back({now, before, 0});
    // A change that was announced and did not come is replaced.
    while (legs_.size() > 1 && legs_.back().from > now)
        legs_.pop_back();
    const auto from = std::max(change_at, legs_.back().from);
    legs_.push_back({from, next, gaps(from)});
    if (begins_ == base::Mono::max() || begins_ > now) {
        begins_ = base::Mono::max();
        for (const auto& leg : legs_)
            if (leg.pace.milli > 0) begins_ = std::min(begins_, leg.from);
    }
    while (legs_.size() > 2 && legs_[1].from < now - legs_kept)
        legs_.erase(legs_.begin());
}

const ReplyBeat::Leg& ReplyBeat::leg_at(base::Mono at) const {
    for (auto leg = legs_.rbegin(); leg + 1 != legs_.rend(); ++leg)
        if (leg->from <= at) return *leg;
    return legs_.front();
}

void ReplyBeat::missed(double gaps) {
    for (auto& leg : legs_)
        leg.gaps -= gaps;
}

double ReplyBeat::gaps(base::Mono at) const {
    if (legs_.empty()) return 0;
    const auto& leg = leg_at(at);
    return std::max(0.0, leg.gaps + leg.pace.per_second() * base::to_seconds(at - leg.from));
}

base::Mono ReplyBeat::passed(double gaps) const {
    for (auto leg = legs_.begin(); leg != legs_.end(); ++leg) {
        const bool last = leg + 1 == legs_.end();
        if (!last && (leg + 1)->gaps < gaps) continue;
        if (leg->pace.milli == 0) return gaps <= leg->gaps ? leg->from : base::Mono::max();
        return leg->from + base::from_seconds((gaps - leg->gaps) / leg->pace.per_second());
    }
    return base::Mono::max();
}

base::Mono ReplyBeat::begins() const {
    return begins_;
}

directory::Rate ReplyBeat::pace(base::Mono at) const {
    return legs_.empty() ? directory::Rate{} : leg_at(at).pace;
}

void ReplyClock::arrived(stream::PacketNumber number, base::Mono at) {
    const auto by_schedule = beat_.passed(number);
    if (by_schedule == base::Mono::max()) return;
    const base::Nanoseconds took = at - by_schedule;
    least_ = least_ ? std::min(*least_, took) : took;
    ++count_;
}

stream::PacketNumber ReplyClock::settled_by(base::Mono now) {
    if (beat_.begins() > now) return 0;
    if (!next_check_) next_check_ = beat_.begins() + check_step;
    for (; *next_check_ <= now; *next_check_ += check_step)
        check(*next_check_);
    if (!known_since_) return 0;
    return static_cast<stream::PacketNumber>(beat_.gaps(now - offset_ - settle_after_));
}

void ReplyClock::look_again(base::Mono now) {
    if (!next_check_) return;  // the first check is still to come
    known_since_.reset();
    next_check_ = now + check_step;
    least_.reset();
    count_ = 0;
}

/// The times of checks are fixed, and replies that come too late by chance, or are held up for a
/// while, have no effect: the least of many delays is small.
void ReplyClock::check(base::Mono now) {
    if (!least_) return;
    const auto pace = beat_.pace(now - offset_);
    const auto gap = pace.milli > 0 ? pace.mean_gap() : base::Nanoseconds{};
    const auto error = *least_ - offset_;
    const bool too_early = error < -(early + gap + gap / 8);
    if (!known_since_) {
        known_since_ = counted_from_ = now;
        // The first replies are few. They must be later than a reply can be by chance.
        if (too_early || error >= settle_after_) put_right(now);
        return;
    }
    const bool lately = now - put_right_at_ < window;
    if (too_early && !lately) return put_right(now);
    if (now - counted_from_ < window) return;
    counted_from_ = now;
    // All replies were late, but few came: the pace is low, or most are lost. The next minute adds
    // its replies to them. Otherwise such a session would settle nothing until its end.
    if (error >= late && count_ < enough) return;
    if (error >= late && !lately) return put_right(now);
    least_.reset();
    count_ = 0;
}

void ReplyClock::put_right(base::Mono now) {
    const auto steps = std::floor(base::to_seconds(*least_) / base::to_seconds(step));
    offset_ = static_cast<int>(steps) * step;
    if (offset_ >= heard_late || offset_ <= -heard_late) {
        // An offset would count each further change of pace as late too.
        beat_.missed(beat_.gaps(now) - beat_.gaps(now - offset_));
        offset_ = {};
    }
    put_right_at_ = counted_from_ = now;
    least_.reset();
    count_ = 0;
}

base::Mono ReplyClock::sent_at(stream::PacketNumber number) const {
    const auto by_schedule = beat_.passed(number);
    return by_schedule == base::Mono::max() ? by_schedule : by_schedule + offset_;
}

std::uint32_t ReplyClock::ticks_by(base::Mono now) const {
    return static_cast<std::uint32_t>(beat_.gaps(now - offset_));
}

}  // namespace nightjar::client::core
