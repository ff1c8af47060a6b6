// The sockets of an exit: for each client stream one TCP connection, to a target that the policy
// allows, or one name lookup. It makes no decision about the mix network. exit_sessions says what
// each stream needs. The exit reads from a target only as fast as the session's paced replies carry
// the bytes away. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/exit_policy.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/io/exit_dial.hpp"
#include "relay/io/exit_names.hpp"
#include "relay/io/exit_places.hpp"
#include "relay/io/exit_question.hpp"
#include "relay/io/host_networks.hpp"
#include "sphinx/base/paid_shares.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "sphinx/stream/byte_relay.hpp"

namespace nightjar::relay::io {

struct ExitSocketLimits {
    PlaceLimits places{2048, 2 * stream::session_streams_max};
    // Of a session. A client has so many open at once, and a new session costs one packet.
    double opens_per_second = 8;
    double opens_at_once = stream::session_streams_max;
    double opens_of_new_session = 32;
    base::Seconds turn_within{20};  // one whose turn comes later is refused
    // Different names that are looked up at once. A stream with one more is reset with `overload`,
    // or one of a session that has paid less.
    PlaceLimits names{256, 32};
    std::size_t attempts_max = 2048;  // at once, over all sessions, beyond one per connection
    core::RaceLimits race;            // the time to connect, and which addresses are tried
    // For a target to take what its client sent before it ended: at most this long without
    // progress.
    base::Seconds drain{60};
    // A connection ends when nothing moves in either direction for so long: half an idle day, so
    // that an idle login lives; when one direction has ended, not counting interruptions of its
    // session; and when the target does not take what was written to it.
    base::Seconds idle{12 * 3600};
    base::Seconds half_closed{60};
    base::Seconds stuck{300};
};

class Exit {
 public:
    /// `sessions` and `tasks` must outlive this object, and it must outlive the tasks that it
    /// spawns. `client` makes its connections. Besides what `policy` refuses, the exit refuses the
    /// networks of this host's interfaces as they are at any time, and the name servers of `names`.
    /// `system_servers`: they are the system's. Throws std::system_error if it cannot read or watch
    /// those networks.
    Exit(boost::asio::any_io_executor executor, core::ExitSessions& sessions,
         node::process::TaskGroup& tasks, core::ExitPolicy policy,
         std::unique_ptr<NameService> names, std::unique_ptr<DialClient> client,
         bool system_servers, ExitSocketLimits limits = {});
    ~Exit();

    /// Follows the host's addresses from now on, in a task. Logs the name servers if they are the
    /// system's, and warns if the system's list of them cannot be opened: c-ares then asks
    /// 127.0.0.1 and says nothing. Call it once, before pump().
    void start();

    /// Sets the policy for new streams. It does not affect open connections and lookups in
    /// progress.
    void use(core::ExitPolicy policy);
    /// Also replaces the name servers (and reads and logs the system's list again). Lookups in
    /// progress fail, and remembered answers are forgotten. Throws std::runtime_error if the
    /// resolver cannot be set up; nothing is changed then.
    void use(core::ExitPolicy policy, const std::vector<base::IpEndpoint>& dns_servers);

    /// Carries out what the sessions request, and ends connections whose time is over. Call it
    /// after every change of the sessions: a message or a tick.
    void pump();

    /// Closes every connection; their tasks then end on their own.
    void stop();

    std::size_t connections() const { return connections_.size(); }
    /// How often a stream could not be served because the process had no file descriptor left.
    std::uint64_t no_descriptors() const { return dials_.no_descriptors; }
    /// NameService::works().
    bool finds_names() const { return names_.works(); }
    /// DialClient::works().
    bool connects() const { return dial_client_->works(); }
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Connection;
    using ConnectionPtr = std::shared_ptr<Connection>;

    void open(const core::ExitEvent& event);
    void end_idlest(const base::SessionId& session);
    void end_session(const base::SessionId& session);
    void end_stuck(base::Mono now);
    void act(const ConnectionPtr& connection, stream::ByteRelay::Input input);
    void complete_policy();
    bool read_host();
    boost::asio::awaitable<void> follow_host();
    void close(Connection& connection, bool orderly = false);
    void refuse(Connection& connection, stream::ResetReason reason);
    boost::asio::awaitable<void> serve(ConnectionPtr connection, stream::Target target);
    boost::asio::awaitable<bool> connect(ConnectionPtr connection, stream::Target target);
    boost::asio::awaitable<void> look_up(ConnectionPtr connection, std::string host);
    boost::asio::awaitable<void> to_target(ConnectionPtr connection);
    boost::asio::awaitable<void> from_target(ConnectionPtr connection);
    boost::asio::awaitable<bool> push(ConnectionPtr connection, base::ByteView bytes);
    boost::asio::awaitable<void> watch(ConnectionPtr connection);

    boost::asio::any_io_executor executor_;
    core::ExitSessions& sessions_;
    node::process::TaskGroup& tasks_;
    core::ExitPolicy policy_;
    HostNetworksWatch host_watch_;  // before the list is read: no change goes unseen
    std::vector<base::IpNetwork> host_;
    ExitSocketLimits limits_;
    bool system_servers_;
    ExitNames names_;
    ExitPlaces places_;
    std::map<base::SessionId, base::Turns> turns_;  // of sessions that have opened a stream
    std::unique_ptr<DialClient> dial_client_;
    DialContext dials_;
    std::map<core::StreamRef, ConnectionPtr> connections_;
    base::Mono next_look_{};  // at what does not move
    bool stopped_ = false;
};

}  // namespace nightjar::relay::io
