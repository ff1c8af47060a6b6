#include "sphinx/node/link/dialer.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cassert>
#include <utility>

#include "sphinx/node/link/segments.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::link {

Dialer::Dialer(asio::any_io_executor executor, DialTarget target, TlsIdentity& identity,
               cell::Hello mine, LinkLimits limits, base::Random& random, Owner& owner,
               DialerLimits dialer_limits)
    : target_{std::move(target)},
      identity_{identity},
      mine_{mine},
      limits_{limits},
      dialer_limits_{dialer_limits},
      random_{random},
      owner_{owner},
      backoff_{dialer_limits.pause_least, dialer_limits.pause_most},
      timer_{std::move(executor)} {
    assert(!target_.addresses.empty());
}

Dialer::~Dialer() = default;

asio::awaitable<void> Dialer::run() {
    // A cancelled dialer must still call on_down, so it does not throw but checks for cancellation
    // itself.
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto state = co_await asio::this_coro::cancellation_state;
    const auto ended = [this, &state] {
        return stopped_ || state.cancelled() != asio::cancellation_type::none;
    };
    std::size_t attempt = 0;
    while (!ended()) {
        const auto address = target_.addresses[attempt % target_.addresses.size()];
        const int segment = small_.contains(address) ? small_segment : 0;
        auto dialed =
            co_await dial_by_segments(address, identity_, target_.key, mine_, limits_, segment);
        if (ended()) break;
        if (dialed) {
            const auto since = std::chrono::steady_clock::now();
            link_ = std::move(*dialed);
            owner_.on_up(*link_);
            const LinkError why = co_await link_->run(owner_);
            link_.reset();
            owner_.on_down(why);
            const auto lived = std::chrono::steady_clock::now() - since;
            if (lived >= dialer_limits_.healthy) backoff_.reset();
            if (lived < proven || why == LinkError::stuck || why == LinkError::silent)
                change_segments(address);
        } else {
            ++attempt;
            owner_.on_refused(dialed.error());
            if (dialed.error() == LinkError::timed_out) change_segments(address);
        }
        if (!ended()) co_await pause();
    }
}

asio::awaitable<void> Dialer::pause() {
    timer_.expires_after(backoff_.next(random_));
    co_await timer_.async_wait(process::as_result);
}

/// Each address is on a path of its own.
void Dialer::change_segments(const asio::ip::tcp::endpoint& address) {
    if (small_.erase(address) == 0) small_.insert(address);
}

void Dialer::use(DialTarget target) {
    assert(!target.addresses.empty());
    target_ = std::move(target);
    std::erase_if(small_, [this](const auto& address) {
        return std::ranges::find(target_.addresses, address) == target_.addresses.end();
    });
}

void Dialer::stop() {
    stopped_ = true;
    timer_.cancel();
    if (link_) link_->close();
}

}  // namespace nightjar::node::link
