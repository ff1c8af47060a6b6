// The accept loop of every listening socket.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::process {

struct AcceptLimits {
    /// Connections that are open at once. When full, a further one is closed at once.
    std::size_t connections;
    /// How long the loop waits when accept() finds no descriptor or memory: it would fail again at
    /// once. New connections wait in the backlog meanwhile.
    base::Milliseconds pause{200};
    /// Called at the start of each pause, if set.
    std::function<void()> on_pause = nullptr;
};

/// Stands for one open connection of a loop. Its owner destroys it when the connection has ended.
using ConnectionPlace = std::shared_ptr<const void>;

/// True if accept() failed because the process or the machine has none left to give.
bool is_out_of_resources(const boost::system::error_code& error);

/// Accepts connections until the acceptor is closed or the task is cancelled; then it returns, at
/// the latest after one pause. Calls `admit(socket, peer, place)` for each. `admit` must not block;
/// it may move the socket and the place into a task. The only exception that it may throw is
/// std::bad_alloc: then that connection is closed, and the loop pauses as when accept() finds no
/// memory. The acceptor must outlive the task. An error that concerns one connection only (it was
/// reset while it waited) is ignored.
template <typename Protocol, typename Admit>
boost::asio::awaitable<void> accept_loop(boost::asio::basic_socket_acceptor<Protocol>& acceptor,
                                         AcceptLimits limits, Admit admit) {
    namespace asio = boost::asio;
    const auto state = co_await asio::this_coro::cancellation_state;
    asio::steady_timer pause{acceptor.get_executor()};
    const auto places = std::make_shared<char>();  // each place is one more reference to it
    while (acceptor.is_open() && state.cancelled() == asio::cancellation_type::none) {
        typename Protocol::socket socket{acceptor.get_executor()};
        typename Protocol::endpoint peer;
        const auto accepted = co_await acceptor.async_accept(socket, peer, as_result);
        const auto error = std::get<0>(accepted);
        bool exhausted = error && is_out_of_resources(error);
        const auto open = static_cast<std::size_t>(places.use_count()) - 1;
        if (!error && open < limits.connections) {
            try {
                admit(std::move(socket), peer, ConnectionPlace{places});
            } catch (const std::bad_alloc&) {
                exhausted = true;
            }
        }
        if (exhausted) {
            if (limits.on_pause) limits.on_pause();
            pause.expires_after(limits.pause);
            co_await pause.async_wait(as_result);
        }
    }
}

}  // namespace nightjar::node::process
