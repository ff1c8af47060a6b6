#include "client/core/loop_watch.hpp"

#include <algorithm>

namespace nightjar::client::core {
namespace {

constexpr base::Seconds poll_every{1};
/// Without a loop for this many gaps, and a second for the way, the link is silent. At 10 % loss
/// that happens by chance once in 60 years.
constexpr int silent_gaps = 10;

}  // namespace

void LoopWatch::use(const directory::Parameters& parameters) {
    gap_ = parameters.client_loops.mean_gap();
    // A loop waits in the gateway's queue as well.
    patience_ = 2 * parameters.longest_route_delay();
}

void LoopWatch::connected(base::Mono now) {
    up_since_ = polled_ = now;
    if (newest_returned_ == base::Mono{}) newest_returned_ = now;
}

void LoopWatch::disconnected() {
    up_since_.reset();
    // Whether these have left is unknown, so they do not count.
    under_way_.clear();
    now_ = {};
}

void LoopWatch::planned(base::Mono slot) {
    under_way_.insert(slot);
}

void LoopWatch::not_sent(base::Mono slot) {
    under_way_.erase(slot);
}

void LoopWatch::returned(base::Mono slot, base::Mono now) {
    if (under_way_.erase(slot) == 0) return;
    ++now_.returned;
    time_ += gap_;
    if (slot - newest_returned_ >= stall_length) last_stall_ = now;
    newest_returned_ = std::max(newest_returned_, slot);
    last_return_ = now;
}

void LoopWatch::modified(base::Mono slot) {
    now_.missed += static_cast<std::uint32_t>(under_way_.erase(slot));
}

void LoopWatch::step(base::Mono now) {
    while (!under_way_.empty() && now - *under_way_.begin() > patience_) {
        under_way_.erase(under_way_.begin());
        ++now_.missed;
    }
    if (!up_since_ || now - polled_ < poll_every) return;
    polled_ = now;
    losses_.poll(now_.returned, now_.missed);
    minute_[next_] = now_;
    next_ = (next_ + 1) % minute_.size();
    now_ = {};
}

LoopState LoopWatch::state(base::Mono now) const {
    LoopState state;
    Second sum = now_;
    for (const auto& second : minute_) {
        sum.returned += second.returned;
        sum.missed += second.missed;
    }
    if (sum.missed > 0)
        state.missing_share = sum.missed / static_cast<double>(sum.returned + sum.missed);
    if (!up_since_) return state;
    const auto heard = last_return_ ? std::max(*last_return_, *up_since_) : *up_since_;
    if (now - heard > silent_gaps * gap_ + base::Seconds{1}) {
        state.kind = LoopState::Kind::silent;
        state.silent_since = heard;
    } else if (losses_.alarmed()) {
        state.kind = LoopState::Kind::missing;
    } else {
        const bool any = last_return_ && *last_return_ >= *up_since_;
        state.kind = any ? LoopState::Kind::returning : LoopState::Kind::starting;
    }
    return state;
}

}  // namespace nightjar::client::core
