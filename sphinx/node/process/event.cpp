#include "sphinx/node/process/event.hpp"

#include <boost/system/system_error.hpp>
#include <cassert>
#include <utility>

#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;

Event::Event(asio::any_io_executor executor) : timer_{std::move(executor)} {}

void Event::set() {
    set_ = true;
    timer_.cancel();
}

asio::awaitable<void> Event::wait() {
    [[maybe_unused]] const auto others = timer_.expires_at(asio::steady_timer::time_point::max());
    assert(others == 0 && "two coroutines wait for one event");
    co_await wait_for_timer();
}

asio::awaitable<bool> Event::wait_for(base::Nanoseconds bound) {
    [[maybe_unused]] const auto others = timer_.expires_after(bound);
    assert(others == 0 && "two coroutines wait for one event");
    co_return co_await wait_for_timer();
}

asio::awaitable<bool> Event::wait_for_timer() {
    if (!set_) {
        const auto [error] = co_await timer_.async_wait(as_result);
        // set() cancels the timer too, so only an event that is not set was cancelled from outside.
        if (error && !set_) throw boost::system::system_error{error};
    }
    co_return std::exchange(set_, false);
}

}  // namespace nightjar::node::process
