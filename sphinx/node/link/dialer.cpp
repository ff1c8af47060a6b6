#include "sphinx/node/link/dialer.hpp"

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
    int segment = 0;
    const auto change_segments = [&segment] { segment = segment == 0 ? small_segment : 0; };
    while (!ended()) {
        const auto address = target_.addresses[attempt % target_.addresses.size()];
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
            if (lived < proven || why == LinkError::stuck) change_segments();
        } else {
            ++attempt;
            owner_.on_refused(dialed.error());
            if (dialed.error() == LinkError::timed_out) change_segments();
        }
        if (!ended()) co_await pause();
    }
}

asio::awaitable<void> Dialer::pause() {
    timer_.expires_after(backoff_.next(random_));
    co_await timer_.async_wait(process::as_result);
}

void Dialer::use(DialTarget target) {
    assert(!target.addresses.empty());
    target_ = std::move(target);
}

void Dialer::stop() {
    stopped_ = true;
    timer_.cancel();
    if (link_) link_->close();
}

}  // namespace nightjar::node::link
