// What an exit copies between a stream and its target.
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "relay/io/exit.hpp"
#include "relay/io/exit_connection.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using node::process::as_result;
using node::process::unsent_bytes;
using Input = stream::ByteRelay::Input;

namespace {

constexpr std::size_t buffer_size = 16 * 1024;
constexpr base::Milliseconds watch_step{50};

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

asio::awaitable<void> Exit::to_target(ConnectionPtr connection) {
    base::Bytes buffer(buffer_size);
    while (!connection->closed && !connection->relay.draining()) {
        const bool writes = connection->relay.writes();
        const auto size = writes ? sessions_.read(connection->ref, buffer) : 0;
        if (size > 0) {
            const auto bytes = asio::buffer(buffer.data(), size);
            connection->writes_since = connection->moved = mono_now();
            const auto result = co_await asio::async_write(connection->socket, bytes, as_result);
            const auto error = std::get<0>(result);
            connection->writes_since.reset();
            connection->moved = mono_now();
            connection->passed += size;
            if (error)
                act(connection,
                    node::process::ended_before(error) ? Input::write_failed : Input::write_broke);
        } else if (writes && connection->client_finished) {
            act(connection, Input::stream_finished);
        } else if (connection->client_reset) {
            act(connection, Input::stream_reset);
        } else {
            co_await connection->news.wait();
        }
    }
}

asio::awaitable<void> Exit::from_target(ConnectionPtr connection) {
    base::Bytes buffer(buffer_size);
    const auto& relay = connection->relay;
    while (relay.reads() || relay.discards()) {
        const auto room = relay.discards()
                              ? buffer.size()
                              : std::min(sessions_.writable(connection->ref), buffer.size());
        if (room == 0) {
            co_await connection->room.wait();
            if (connection->closed) co_return;
            continue;
        }
        const auto space = asio::buffer(buffer.data(), room);
        const auto result = co_await connection->socket.async_read_some(space, as_result);
        if (connection->closed) co_return;
        const auto error = std::get<0>(result);
        if (error) {
            act(connection, error == asio::error::eof ? Input::socket_ended : Input::socket_broke);
            co_return;
        }
        if (!co_await push(connection, {buffer.data(), std::get<1>(result)})) co_return;
    }
}

/// Writes to the stream what was read for it, though other streams may have taken the room
/// meanwhile. False if the connection has closed.
asio::awaitable<bool> Exit::push(ConnectionPtr connection, base::ByteView bytes) {
    while (!bytes.empty() && connection->relay.reads()) {
        const auto taken = sessions_.write(connection->ref, bytes);
        if (taken > 0) connection->moved = mono_now();
        bytes = bytes.subspan(taken);
        if (bytes.empty() || connection->closed) break;
        co_await connection->room.wait();
    }
    co_return !connection->closed;
}

/// Ends a connection whose client is gone: when the target has taken everything, or takes nothing.
asio::awaitable<void> Exit::watch(ConnectionPtr connection) {
    using Clock = std::chrono::steady_clock;
    auto moved = Clock::now();
    std::pair<std::uint64_t, std::size_t> seen;
    while (!connection->closed) {
        const std::pair now{connection->passed, unsent_bytes(connection->socket)};
        if (now != seen) moved = Clock::now();
        seen = now;
        if (connection->relay.draining() && now.second == 0) {
            act(connection, Input::drained);
        } else if (Clock::now() - moved > limits_.drain) {
            act(connection, Input::expired);
        } else {
            connection->looks.expires_after(watch_step);
            co_await connection->looks.async_wait(as_result);
        }
    }
}

}  // namespace nightjar::relay::io
