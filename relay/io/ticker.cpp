#include "relay/io/ticker.hpp"

#include <algorithm>

namespace nightjar::relay::io {

Ticker::Ticker(boost::asio::any_io_executor executor, std::function<base::Mono()> next_due,
               std::function<void(base::Mono now)> tick)
    : timer_{std::move(executor)}, next_due_{std::move(next_due)}, tick_{std::move(tick)} {}

Ticker::~Ticker() {
    *alive_ = false;
}

void Ticker::arm() {
    if (!*alive_) return;
    const auto due = next_due_();
    if (due == base::Mono::max()) return;
    // Round to whole milliseconds of the clock, not of our start time: two parts whose events are
    // due in the same millisecond are due in the same tick.
    const auto whole = std::chrono::ceil<base::Milliseconds>(due.time_since_epoch());
    const auto at = std::max(base::Mono{whole}, last_ + base::Milliseconds{1});
    if (rings_at_ <= at) return;
    rings_at_ = at;
    timer_.expires_at(at);
    auto on_timer = [this, alive = alive_](boost::system::error_code error) {
        // An error means that the timer was re-armed for an earlier time, or stopped.
        if (!error && *alive) ring();
    };
    timer_.async_wait(std::move(on_timer));
}

void Ticker::ring() {
    const base::Mono now = std::chrono::steady_clock::now();
    // This call may come from an older timer that was already queued; it does the work of the newer
    // one too.
    last_ = std::chrono::floor<base::Milliseconds>(now);
    rings_at_ = base::Mono::max();
    timer_.cancel();
    tick_(now);
    arm();
}

void Ticker::stop() {
    *alive_ = false;
    timer_.cancel();
}

}  // namespace nightjar::relay::io
