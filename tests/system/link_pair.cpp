#include "tests/system/link_pair.hpp"

#include <chrono>
#include <future>
#include <utility>

namespace nightjar::tests {

namespace {

// Takes run() and not the link, because the link may be gone before this coroutine first runs.
asio::awaitable<void> run_end(End* end, asio::awaitable<node::link::LinkError> run) {
    end->ended = co_await std::move(run);
}

asio::awaitable<void> dial_end(End* end, tcp::endpoint address, base::LinkKey expected,
                               cell::Hello mine, node::link::LinkLimits limits) {
    auto dialed = co_await node::link::dial(address, end->identity, expected, mine, limits);
    if (!dialed) {
        end->refused = dialed.error();
        co_return;
    }
    end->link = std::move(*dialed);
    end->ended = co_await end->link->run(end->got);
}

}  // namespace

LinkPair::LinkPair(node::link::LinkLimits chosen, node::link::ListenerLimits listener_limits)
    : limits{chosen},
      tasks{io.get_executor(), [this](const std::string& task, const std::string& what) {
                failures.push_back(task + ": " + what);
            }} {
    const auto on_link = [this](std::unique_ptr<node::link::Link> link) {
        answering.link = std::move(link);
        answering.ended.reset();
        tasks.spawn("answering link", run_end(&answering, answering.link->run(answering.got)));
    };
    listener_ = std::make_unique<node::link::Listener>(
        io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0}, answering.identity,
        hello(cell::LinkRole::relay), limits, on_link, listener_limits);
    tasks.spawn("listener", listener_->run());
}

LinkPair::~LinkPair() {
    listener_->stop();
    answering.link.reset();
    dialing.link.reset();
    tasks.cancel();
    until([this] { return tasks.running() == 0; });
}

void LinkPair::dial(const tcp::endpoint& address, const base::LinkKey& expected,
                    const cell::Hello& mine) {
    dialing.refused.reset();
    dialing.ended.reset();
    tasks.spawn("dialing link", dial_end(&dialing, address, expected, mine, limits));
}

bool LinkPair::until(const std::function<bool()>& done, base::Milliseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        io.restart();
        io.run_one_for(base::Milliseconds{20});
    }
    return true;
}

bool LinkPair::connect() {
    dialing.link.reset();
    answering.link.reset();
    dial();
    return until([this] { return dialing.refused || (answering.link && dialing.link); }) &&
           !dialing.refused;
}

void LinkPair::beside(const std::function<void()>& work) {
    auto done = std::async(std::launch::async, work);
    while (done.wait_for(base::Milliseconds{0}) != std::future_status::ready)
        run_for(base::Milliseconds{5});
    done.get();  // rethrows an exception of `work`
}

void LinkPair::run_for(base::Milliseconds time) {
    io.restart();
    io.run_for(time);
}

}  // namespace nightjar::tests
