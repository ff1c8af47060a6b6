#include "relay/io/exit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using node::process::as_result;
using node::process::Level;
using node::process::log;
using node::process::unsent_bytes;
using stream::ResetReason;
using Input = stream::ByteRelay::Input;

namespace {

constexpr std::size_t buffer_size = 16 * 1024;
constexpr base::Milliseconds watch_step{50};
constexpr base::Seconds read_again{1};  // the host's addresses
constexpr const char* system_list = "/etc/resolv.conf";

}  // namespace

/// The socket of one stream. `closed` is set before the socket is closed, so that a task that wakes
/// up later uses neither the socket nor the session.
struct Exit::Connection {
    Connection(const asio::any_io_executor& executor, const core::StreamRef& stream)
        : ref{stream}, socket{executor}, news{executor}, room{executor}, looks{executor} {}

    core::StreamRef ref;
    tcp::socket socket;
    std::shared_ptr<Dial> dial;          // while it connects
    std::shared_ptr<Question> question;  // while it looks up
    node::process::Event news;  // bytes or the end have arrived from the client, for to_target()
    node::process::Event room;  // the session can take bytes again, for from_target()
    asio::steady_timer looks;   // between two looks of watch()
    stream::ByteRelay relay;
    std::uint64_t passed = 0;  // bytes written to the target
    bool connected = false;
    bool client_finished = false;
    bool client_reset = false;
    bool watched = false;
    bool closed = false;
};

Exit::Exit(asio::any_io_executor executor, core::ExitSessions& sessions,
           node::process::TaskGroup& tasks, core::ExitPolicy policy,
           const std::vector<base::IpEndpoint>& dns_servers, ExitSocketLimits limits)
    : executor_{std::move(executor)},
      sessions_{sessions},
      tasks_{tasks},
      policy_{std::move(policy)},
      host_watch_{executor_},
      host_{host_networks()},
      limits_{limits},
      system_servers_{dns_servers.empty()},
      names_{sessions, std::make_unique<Resolver>(executor_, dns_servers),
             limits.names_per_session_max},
      dials_{executor_, tasks, [this](const auto& target) { return policy_.allows(target); },
             limits.attempts_max} {
    complete_policy();
}

Exit::~Exit() = default;

void Exit::start() {
    tasks_.spawn("exit follows the host's addresses", follow_host());
    log_servers();
}

void Exit::use(core::ExitPolicy policy) {
    policy_ = std::move(policy);
    complete_policy();
}

/// Adds what no configuration states.
void Exit::complete_policy() {
    policy_.use_host(host_);
    policy_.use_servers(names_.servers());
}

/// False if the list cannot be read, for example without a descriptor: the old one stays in force.
bool Exit::read_host() {
    try {
        host_ = host_networks();
    } catch (const std::exception&) {
        return false;
    }
    policy_.use_host(host_);
    return true;
}

asio::awaitable<void> Exit::follow_host() {
    asio::steady_timer pause{executor_};
    for (;;) {
        const bool changed = co_await host_watch_.changed();
        if (!changed) co_return;
        for (bool logged = false; !read_host(); logged = true) {
            if (!logged) log(Level::warning, "cannot read this host's addresses; trying again");
            pause.expires_after(read_again);
            const auto waited = co_await pause.async_wait(as_result);
            if (std::get<0>(waited) || stopped_) co_return;
        }
    }
}

void Exit::use(core::ExitPolicy policy, const std::vector<base::IpEndpoint>& dns_servers) {
    names_.use(std::make_unique<Resolver>(executor_, dns_servers));
    system_servers_ = dns_servers.empty();
    log_servers();
    use(std::move(policy));
}

void Exit::log_servers() const {
    if (!system_servers_) return;
    std::string text;
    for (const auto& server : names_.servers()) {
        const auto address = server.address.to_text();
        text += (text.empty() ? "" : ", ") + (server.address.v6 ? "[" + address + "]" : address) +
                ":" + std::to_string(server.port);
    }
    log(Level::info, "the exit asks the system's name servers: " + text);
    const int list = ::open(system_list, O_RDONLY | O_CLOEXEC);
    if (list >= 0) {
        ::close(list);
        return;
    }
    log(Level::warning, std::string{"cannot open "} + system_list + ": " + std::strerror(errno) +
                            "; make it readable and restart the relay, or set exit.dns.servers");
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
        const auto held = found->second;  // a close removes it from the table
        auto& connection = *held;
        switch (event.event.kind) {
            case Kind::finished:
                connection.client_finished = true;
                [[fallthrough]];
            case Kind::readable:
                connection.news.set();
                break;
            case Kind::writable:
                connection.room.set();
                break;
            case Kind::stopped:
                if (!connection.connected) refuse(connection, ResetReason::cancelled);
                act(held, Input::stream_stopped);
                connection.room.set();
                break;
            case Kind::reset:
                if (!connection.connected) close(connection);
                connection.client_reset = true;
                connection.news.set();
                connection.room.set();
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
    const auto held = per_session_.find(event.session);
    const bool own_bound =
        held != per_session_.end() && held->second >= limits_.connections_per_session_max;
    const bool refused = stopped_ || own_bound || connections_.contains(ref);
    // A frozen session loses its connections only to a stream that can have the place.
    if (!refused && connections_.size() >= limits_.connections_max) end_frozen();
    if (refused || connections_.size() >= limits_.connections_max) {
        sessions_.reset(ref, ResetReason::overload);
        return;
    }
    ++per_session_[event.session];
    auto connection = std::make_shared<Connection>(executor_, ref);
    connections_.emplace(ref, connection);
    const auto& target = event.event.target;
    tasks_.spawn("exit stream", target.port == 0 ? look_up(std::move(connection), target.host)
                                                 : serve(std::move(connection), target));
}

/// A session whose client has been silent for long gives its connections to those that are alive.
void Exit::end_frozen() {
    const auto session = sessions_.end_frozen(std::chrono::steady_clock::now());
    if (!session) return;
    for (auto at = connections_.lower_bound({*session, 0});
         at != connections_.end() && at->first.session == *session;)
        close(*std::exchange(at, std::next(at))->second);
}

void Exit::act(const ConnectionPtr& connection, Input input) {
    if (connection->closed) return;
    const auto actions = connection->relay.on(input);
    if (actions.finish) sessions_.finish(connection->ref);
    if (actions.stop) sessions_.stop(connection->ref, ResetReason::cancelled);
    if (actions.reset) sessions_.reset(connection->ref, ResetReason::cancelled);
    error_code ignored;
    if (actions.shut_down) connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    if (actions.close || actions.abort) return close(*connection, actions.close);
    connection->news.set();
    // The client reads no more, or says no more: the target must take the rest in time.
    const bool wanted = input == Input::stream_stopped || actions.drain;
    if (wanted && !std::exchange(connection->watched, true))
        tasks_.spawn("exit stream's end", watch(connection));
}

void Exit::close(Connection& connection, bool orderly) {
    if (connection.closed) return;
    connection.closed = true;
    if (connection.dial) connection.dial->cancel();
    if (connection.question) connection.question->cancel();
    connection.looks.cancel();
    connection.news.set();
    connection.room.set();
    error_code ignored;
    if (orderly)
        connection.socket.close(ignored);
    else
        node::process::abort_connection(connection.socket);
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
    host_watch_.stop();
    names_.stop();
    while (!connections_.empty()) {
        const auto connection = connections_.begin()->second;
        close(*connection);
    }
}

asio::awaitable<void> Exit::serve(ConnectionPtr connection, stream::Target target) {
    const bool connected = co_await connect(connection, std::move(target));
    if (!connected) co_return;
    connection->connected = true;
    sessions_.accept(connection->ref);
    tasks_.spawn("exit stream", from_target(connection));
    co_await to_target(connection);
}

asio::awaitable<bool> Exit::connect(ConnectionPtr connection, stream::Target target) {
    if (connection->closed) co_return false;
    const auto dial = std::make_shared<Dial>(dials_, target.port, limits_.race);
    connection->dial = dial;
    names_.find(connection->ref.session, target.host, dial);
    auto socket = co_await dial->run();
    connection->dial.reset();
    if (connection->closed) co_return false;
    if (!socket) {
        refuse(*connection, socket.error());
        co_return false;
    }
    connection->socket = std::move(*socket);
    co_return true;
}

/// Answers a RESOLVE: the records, then the end.
asio::awaitable<void> Exit::look_up(ConnectionPtr connection, std::string host) {
    if (connection->closed) co_return;
    const auto question = std::make_shared<Question>(executor_, policy_, limits_.race);
    connection->question = question;
    const auto records = co_await question->run(names_, connection->ref.session, std::move(host));
    connection->question.reset();
    if (question->no_descriptors()) ++dials_.no_descriptors;
    if (connection->closed) co_return;
    if (!records) {
        refuse(*connection, records.error());
        co_return;
    }
    sessions_.accept(connection->ref);
    // The records fit into the window that every stream has from its start.
    const auto bytes = stream::encode(*records);
    [[maybe_unused]] const auto written = sessions_.write(connection->ref, bytes);
    assert(written == bytes.size());
    sessions_.finish(connection->ref);
    sessions_.reset(connection->ref, ResetReason::cancelled);  // after the end: reads no more
    close(*connection);
}

asio::awaitable<void> Exit::to_target(ConnectionPtr connection) {
    base::Bytes buffer(buffer_size);
    while (!connection->closed && !connection->relay.draining()) {
        const bool writes = connection->relay.writes();
        const auto size = writes ? sessions_.read(connection->ref, buffer) : 0;
        if (size > 0) {
            const auto bytes = asio::buffer(buffer.data(), size);
            const auto result = co_await asio::async_write(connection->socket, bytes, as_result);
            const auto error = std::get<0>(result);
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
        bytes = bytes.subspan(sessions_.write(connection->ref, bytes));
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
