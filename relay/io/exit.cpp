#include "relay/io/exit.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cassert>

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using stream::ResetReason;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t buffer_size = 16 * 1024;

tcp::endpoint to_asio(const base::IpEndpoint& target) {
    if (target.address.v6) return {asio::ip::address_v6{target.address.bytes}, target.port};
    const auto& b = target.address.bytes;
    return {asio::ip::address_v4{{b[0], b[1], b[2], b[3]}}, target.port};
}

ResetReason reason_of(ResolveError error) {
    switch (error) {
        case ResolveError::bad_name:
        case ResolveError::not_found:
            return ResetReason::unresolvable;
        case ResolveError::failed:
            return ResetReason::timed_out;
        case ResolveError::overload:
            return ResetReason::overload;
    }
    return ResetReason::unresolvable;
}

ResetReason reason_of(const error_code& error) {
    if (error == asio::error::connection_refused) return ResetReason::connection_refused;
    // The target was reached, but reset the connection before we saw that it accepted.
    if (error == asio::error::connection_reset) return ResetReason::cancelled;
    if (error == asio::error::timed_out || error == asio::error::operation_aborted) {
        return ResetReason::timed_out;  // the kernel's timeout, or ours
    }
    if (error == asio::error::no_descriptors) return ResetReason::overload;
    return ResetReason::unreachable;
}

}  // namespace

/// The socket of one stream. `closed` is set before the socket is closed, so that a task that wakes
/// up later uses neither the socket nor the session.
struct Exit::Connection {
    Connection(const asio::any_io_executor& executor, const core::StreamRef& stream)
        : ref{stream},
          socket{executor},
          deadline{executor},
          event{executor, asio::steady_timer::time_point::max()},
          room{executor, asio::steady_timer::time_point::max()} {}

    core::StreamRef ref;
    tcp::socket socket;
    asio::steady_timer deadline;  // for connecting
    asio::steady_timer event;     // cancelled when bytes or the end arrive from the client
    asio::steady_timer room;      // cancelled when the session can take bytes again
    bool client_finished = false;
    bool closed = false;
    int directions = 2;  // directions that have not yet ended
};

Exit::Exit(asio::any_io_executor executor, core::ExitSessions& sessions,
           node::process::TaskGroup& tasks, core::ExitPolicy policy,
           const std::vector<base::IpEndpoint>& dns_servers, ExitSocketLimits limits)
    : executor_{std::move(executor)},
      sessions_{sessions},
      tasks_{tasks},
      policy_{std::move(policy)},
      resolver_{std::make_unique<Resolver>(executor_, dns_servers)},
      limits_{limits} {}

Exit::~Exit() = default;

void Exit::use(core::ExitPolicy policy) {
    policy_ = std::move(policy);
}

void Exit::use(core::ExitPolicy policy, const std::vector<base::IpEndpoint>& dns_servers) {
    resolver_ = std::make_unique<Resolver>(executor_, dns_servers);
    use(std::move(policy));
}

void Exit::pump() {
    using Kind = stream::Event::Kind;
    for (const auto& event : sessions_.take_events()) {
        if (event.event.kind == Kind::opened) {
            open(event);
            continue;
        }
        const auto found = connections_.find({event.session, event.event.stream});
        if (found == connections_.end()) continue;
        auto& connection = *found->second;
        switch (event.event.kind) {
            case Kind::finished:
                connection.client_finished = true;
                [[fallthrough]];
            case Kind::readable:
                connection.event.cancel();
                break;
            case Kind::writable:
                connection.room.cancel();
                break;
            case Kind::reset:
                close(connection);
                break;
            case Kind::opened:
            case Kind::accepted:
            case Kind::pong:
                break;
        }
    }
}

void Exit::open(const core::ExitEvent& event) {
    const core::StreamRef ref{event.session, event.event.stream};
    auto& of_session = per_session_[event.session];
    if (stopped_ || connections_.size() >= limits_.connections_max ||
        of_session >= limits_.connections_per_session_max || connections_.contains(ref)) {
        if (of_session == 0) per_session_.erase(event.session);
        sessions_.reset(ref, ResetReason::overload);
        return;
    }
    ++of_session;
    auto connection = std::make_shared<Connection>(executor_, ref);
    connections_.emplace(ref, connection);
    tasks_.spawn("exit stream", serve(std::move(connection), event.event.target));
}

void Exit::close(Connection& connection) {
    if (connection.closed) return;
    connection.closed = true;
    connection.deadline.cancel();
    connection.event.cancel();
    connection.room.cancel();
    error_code ignored;
    if (connection.directions > 0 && connection.socket.is_open()) {
        // The stream was aborted, so send the target a TCP reset instead of an orderly close.
        connection.socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    }
    connection.socket.close(ignored);
    const auto session = per_session_.find(connection.ref.session);
    assert(session != per_session_.end());
    if (--session->second == 0) per_session_.erase(session);
    connections_.erase(connection.ref);  // its task still holds a reference to the object
}

void Exit::refuse(Connection& connection, ResetReason reason) {
    if (connection.closed) return;
    sessions_.reset(connection.ref, reason);
    close(connection);
}

void Exit::stop() {
    stopped_ = true;
    resolver_->stop();
    while (!connections_.empty()) {
        const auto connection = connections_.begin()->second;
        close(*connection);
    }
}

asio::awaitable<void> Exit::serve(ConnectionPtr connection, stream::Target target) {
    const bool connected = co_await connect(connection, std::move(target));
    if (!connected) co_return;
    sessions_.accept(connection->ref);
    tasks_.spawn("exit stream", from_target(connection));
    co_await to_target(connection);
}

asio::awaitable<bool> Exit::connect(ConnectionPtr connection, stream::Target target) {
    const auto until = std::chrono::steady_clock::now() + limits_.connect;
    const auto resolved = co_await resolver_->resolve(target.host);
    if (connection->closed) co_return false;
    if (!resolved) {
        refuse(*connection, reason_of(resolved.error()));
        co_return false;
    }
    std::vector<base::IpEndpoint> allowed;
    for (const auto& address : *resolved) {
        const base::IpEndpoint candidate{address, target.port};
        if (allowed.size() < limits_.addresses_tried_max && policy_.allows(candidate)) {
            allowed.push_back(candidate);
        }
    }
    auto reason = ResetReason::refused_by_policy;
    for (std::size_t i = 0; i < allowed.size(); ++i) {
        // Divide the remaining time among the remaining addresses, so that one address that
        // swallows packets does not use it all.
        const auto left = until - std::chrono::steady_clock::now();
        const auto share = left / static_cast<int>(allowed.size() - i);
        auto on_deadline = [connection](error_code error) {
            error_code ignored;
            // A late handler must not cancel the next attempt; in that case the expiry has already
            // moved on.
            const bool due = connection->deadline.expiry() <= std::chrono::steady_clock::now();
            if (!error && due) connection->socket.cancel(ignored);
        };
        connection->deadline.expires_after(share);
        connection->deadline.async_wait(std::move(on_deadline));
        const auto result =
            co_await connection->socket.async_connect(to_asio(allowed[i]), as_result);
        if (connection->closed) co_return false;
        connection->deadline.expires_at(asio::steady_timer::time_point::max());
        const auto error = std::get<0>(result);
        error_code ignored;
        if (!error) {
            connection->socket.set_option(tcp::no_delay{true}, ignored);
            co_return true;
        }
        reason = reason_of(error);
        connection->socket.close(ignored);
    }
    refuse(*connection, reason);
    co_return false;
}

asio::awaitable<void> Exit::to_target(ConnectionPtr connection) {
    base::Bytes buffer(buffer_size);
    while (!connection->closed) {
        const auto size = sessions_.read(connection->ref, buffer);
        if (size == 0 && connection->client_finished) {
            error_code ignored;
            connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
            if (--connection->directions == 0) close(*connection);
            co_return;
        }
        if (size == 0) {
            co_await connection->event.async_wait(as_result);
            continue;
        }
        const auto bytes = asio::buffer(buffer.data(), size);
        const auto result = co_await asio::async_write(connection->socket, bytes, as_result);
        if (std::get<0>(result)) refuse(*connection, ResetReason::cancelled);
    }
}

asio::awaitable<void> Exit::from_target(ConnectionPtr connection) {
    base::Bytes buffer(buffer_size);
    while (!connection->closed) {
        const auto room = std::min(sessions_.writable(connection->ref), buffer.size());
        if (room == 0) {
            co_await connection->room.async_wait(as_result);
            continue;
        }
        const auto space = asio::buffer(buffer.data(), room);
        const auto result = co_await connection->socket.async_read_some(space, as_result);
        if (connection->closed) co_return;
        const auto error = std::get<0>(result);
        if (error == asio::error::eof) {
            sessions_.finish(connection->ref);
            if (--connection->directions == 0) close(*connection);
            co_return;
        }
        if (error) {
            refuse(*connection, ResetReason::cancelled);
            co_return;
        }
        const auto size = std::get<1>(result);
        const auto taken = sessions_.write(connection->ref, {buffer.data(), size});
        // Fewer bytes are taken only if the stream ended in the meantime; its reset event is then
        // on its way.
        if (taken != size) refuse(*connection, ResetReason::session_ended);
    }
}

}  // namespace nightjar::relay::io
