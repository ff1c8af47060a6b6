#include "sphinx/node/process/shutdown.hpp"

#include <csignal>
#include <cstdlib>
#include <utility>

#include "sphinx/node/process/service_manager.hpp"

namespace nightjar::node::process {

namespace asio = boost::asio;

namespace {

// The time that a cancelled step has to end.
constexpr base::Milliseconds cancelled_step_max{100};

}  // namespace

Shutdown::Shutdown(asio::any_io_executor executor)
    : signals_{executor, SIGINT, SIGTERM, SIGHUP},
      request_{executor},
      tasks_{executor, [this](const std::string& step, const std::string&) {
                 overran_.push_back(step);  // a step that throws has failed as well
             }} {
    listen();
}

void Shutdown::add(std::string name, base::Milliseconds bound, Step step) {
    entries_.push_back({std::move(name), bound, std::move(step)});
}

void Shutdown::request() {
    requested_ = true;
    request_.set();
}

void Shutdown::listen() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
        // An error means cancelled: run() has ended, and this object may be gone.
        if (error) return;
        on_signal(number);
        listen();
    });
}

void Shutdown::on_signal(int number) {
    if (number == SIGHUP) {
        if (!on_hangup_ || requested_) return;
        if (announces_) notify_reloading();
        on_hangup_();
        if (announces_) notify_ready();
        return;
    }
    if (std::exchange(signalled_, true)) {
        if (on_abort_) on_abort_();
        std::_Exit(EXIT_FAILURE);
    }
    request();
}

asio::awaitable<void> Shutdown::run() {
    co_await request_.wait();
    if (announces_) notify_stopping();
    for (const Entry& entry : entries_)
        co_await run_step(&entry);
    signals_.cancel();
}

asio::awaitable<void> Shutdown::run_step(const Entry* entry) {
    tasks_.spawn(entry->name, entry->step());
    const bool ended = co_await tasks_.wait_for(entry->bound);
    if (ended) co_return;
    overran_.push_back(entry->name);
    tasks_.cancel();
    co_await tasks_.wait_for(cancelled_step_max);
}

}  // namespace nightjar::node::process
