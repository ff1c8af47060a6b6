// The exit's sockets: for every stream that a client opens, one TCP connection to where the policy
// lets it go. Decides nothing about the mix network: exit_sessions says what a stream wants, and
// takes bytes only as fast as the session's paced replies carry them away. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/exit_policy.hpp"
#include "relay/exit_sessions.hpp"
#include "relay/resolver.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::relay {

struct ExitSocketLimits {
    std::size_t connections_max = 2048;            // of all sessions together
    std::size_t connections_per_session_max = 64;  // more are reset: overload
    base::Seconds connect{20};                     // from the request, resolving included
    std::size_t addresses_tried_max = 4;           // of one name
};

class Exit {
 public:
    /// `sessions` and `tasks` outlive it; it outlives the tasks that it spawns.
    Exit(boost::asio::any_io_executor executor, ExitSessions& sessions, node::TaskGroup& tasks,
         ExitPolicy policy, const std::vector<IpEndpoint>& dns_servers,
         ExitSocketLimits limits = {});
    ~Exit();

    /// From now on for new streams; connections that stand and names that are being resolved are
    /// left alone.
    void use(ExitPolicy policy);
    /// The same, and new name servers (the system's list is read again). Lookups under way fail.
    /// Throws std::runtime_error, with nothing changed, if the resolver cannot be set up.
    void use(ExitPolicy policy, const std::vector<IpEndpoint>& dns_servers);

    /// Does what the sessions ask for. Call after every change of them: a message, a tick.
    void pump();

    /// Closes every connection. Its tasks then end by themselves.
    void stop();

    std::size_t connections() const { return connections_.size(); }

 private:
    struct Connection;
    using ConnectionPtr = std::shared_ptr<Connection>;

    void open(const ExitEvent& event);
    void close(Connection& connection);
    void refuse(Connection& connection, stream::ResetReason reason);
    boost::asio::awaitable<void> serve(ConnectionPtr connection, stream::Target target);
    boost::asio::awaitable<bool> connect(ConnectionPtr connection, stream::Target target);
    boost::asio::awaitable<void> to_target(ConnectionPtr connection);
    boost::asio::awaitable<void> from_target(ConnectionPtr connection);

    boost::asio::any_io_executor executor_;
    ExitSessions& sessions_;
    node::TaskGroup& tasks_;
    ExitPolicy policy_;
    std::unique_ptr<Resolver> resolver_;
    ExitSocketLimits limits_;
    std::map<StreamRef, ConnectionPtr> connections_;
    std::map<base::SessionId, std::size_t> per_session_;
    bool stopped_ = false;
};

}  // namespace nightjar::relay
