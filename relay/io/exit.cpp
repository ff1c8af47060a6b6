#include "relay/io/exit.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <exception>
#include <utility>

#include "relay/io/exit_connection.hpp"
#include "relay/io/exit_servers.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using node::process::as_result;
using node::process::Level;
using node::process::log;
using stream::ResetReason;
using Input = stream::ByteRelay::Input;

namespace {

constexpr base::Seconds read_again{1};  // the host's addresses
constexpr base::Seconds look_again{1};  // at connections on which nothing moves

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

Exit::Exit(asio::any_io_executor executor, core::ExitSessions& sessions,
           node::process::TaskGroup& tasks, core::ExitPolicy policy,
           std::unique_ptr<NameService> names, std::unique_ptr<DialClient> client,
           bool system_servers, ExitSocketLimits limits)
    : executor_{std::move(executor)},
      sessions_{sessions},
      tasks_{tasks},
      policy_{std::move(policy)},
      host_watch_{executor_},
      host_{host_networks()},
      limits_{limits},
      system_servers_{system_servers},
      names_{sessions, std::move(names), limits.names},
      places_{sessions, limits.places},
      dial_client_{std::move(client)},
      dials_{executor_, *dial_client_,
             [this](const auto& target) { return policy_.allows(target); }, limits.attempts_max} {
    complete_policy();
}

Exit::~Exit() {
    dial_client_->stop();  // its attempts keep dials, which use other members
}

void Exit::start() {
    tasks_.spawn("exit follows the host's addresses", follow_host());
    if (system_servers_) log_system_servers(names_.servers());
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
    names_.use(dns_servers);
    system_servers_ = dns_servers.empty();
    if (system_servers_) log_system_servers(names_.servers());
    use(std::move(policy));
}

void Exit::pump() {
    using Kind = stream::Event::Kind;
    for (const auto& event : sessions_.take_events()) {
        if (event.event.stream == 0) {
            end_session(event.session);
            continue;
        }
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
    if (const auto now = mono_now(); now >= next_look_) end_stuck(now);
}

void Exit::open(const core::ExitEvent& event) {
    const core::StreamRef ref{event.session, event.event.stream};
    const bool refused = stopped_ || connections_.contains(ref);
    const auto now = mono_now();
    auto& turns = turns_
                      .try_emplace(event.session, limits_.opens_per_second, limits_.opens_at_once,
                                   limits_.opens_of_new_session, now)
                      .first->second;
    const auto turn = refused ? std::nullopt : turns.take(now, limits_.turn_within);
    const auto grant = turn ? places_.take(event.session) : std::nullopt;
    if (!grant) {
        sessions_.reset(ref, ResetReason::overload);
        return;
    }
    if (grant->loser) end_idlest(*grant->loser);
    auto connection = std::make_shared<Connection>(executor_, ref);
    connection->begins = *turn;
    connection->moved = *turn;
    connections_.emplace(ref, connection);
    tasks_.spawn("exit stream", serve(std::move(connection), event.event.target));
}

/// Ends the connection of this session on which nothing has moved for longest. Precondition: it has
/// one.
void Exit::end_idlest(const base::SessionId& session) {
    ConnectionPtr idlest;
    for (auto at = connections_.lower_bound({session, 0});
         at != connections_.end() && at->first.session == session; ++at)
        if (!idlest || at->second->moved < idlest->moved) idlest = at->second;
    assert(idlest);
    refuse(*idlest, ResetReason::overload);
}

/// No connection outlives its session, whatever the session still knew of its stream. A target
/// keeps what the kernel has for it if its client had ended the stream before.
void Exit::end_session(const base::SessionId& session) {
    for (auto at = connections_.lower_bound({session, 0});
         at != connections_.end() && at->first.session == session;) {
        const auto connection = std::exchange(at, std::next(at))->second;
        close(*connection, connection->relay.draining());
    }
    names_.end(session);
    turns_.erase(session);
}

void Exit::end_stuck(base::Mono now) {
    next_look_ = now + look_again;
    for (auto at = connections_.begin(); at != connections_.end();) {
        const auto connection = std::exchange(at, std::next(at))->second;
        if (connection->watched) continue;
        const bool half = connection->relay.half_closed();
        // While the client's link is interrupted nothing can move. The session's own end bounds it.
        if (half && sessions_.interrupted(connection->ref.session)) connection->moved = now;
        if (half || connection->writes_since) connection->look_at_unsent(now);
        const bool stuck =
            connection->writes_since && now - *connection->writes_since > limits_.stuck;
        if (stuck || now - connection->moved > (half ? limits_.half_closed : limits_.idle))
            act(connection, Input::expired);
    }
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
    if (orderly)
        node::process::close_in_order(connection.socket);
    else
        node::process::abort_connection(connection.socket);
    places_.give_back(connection.ref.session);
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
    dial_client_->stop();
}

asio::awaitable<void> Exit::serve(ConnectionPtr connection, stream::Target target) {
    for (auto now = mono_now(); !connection->closed && now < connection->begins; now = mono_now())
        co_await connection->news.wait_for(connection->begins - now);
    if (target.port == 0) {
        co_await look_up(connection, std::move(target.host));
        co_return;
    }
    const bool connected = co_await connect(connection, std::move(target));
    if (!connected) co_return;
    connection->connected = true;
    connection->moved = mono_now();
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
    // The same bound for bytes that the kernel has taken and the target does not: it does not
    // confirm them, or its window stays shut.
    const auto stuck =
        static_cast<int>(std::chrono::duration_cast<base::Milliseconds>(limits_.stuck).count());
    ::setsockopt(connection->socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &stuck,
                 sizeof stuck);
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
    // If it has no room, the session has ended since, and the next pump() closes this connection.
    if (sessions_.write(connection->ref, bytes) < bytes.size()) co_return;
    sessions_.finish(connection->ref);
    sessions_.reset(connection->ref, ResetReason::cancelled);  // after the end: reads no more
    close(*connection);
}

void Exit::list_holdings(base::Holdings& out) const {
    const auto& [executor, sessions, tasks, policy, host_watch, host, limits, system_servers, names,
                 places, turns, dial_client, dials, connections, next_look, stopped] = *this;
    out.push_back(
        {"Exit.connections", "destinations", connections.size(),
         "an open connection: its session, and in its socket the target's address and port"});
    out.push_back({"Exit.turns", "sessions", turns.size(),
                   "a session that has opened a stream, and when it may open the next"});
    out.push_back({"Exit.dials", "destinations", dials.attempts + dials.routes.size(),
                   "addresses that connections are tried to, or were within the last seconds"});
    names.list_holdings(out);
    dial_client->list_holdings(out);
}

}  // namespace nightjar::relay::io
