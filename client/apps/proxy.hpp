// Moves bytes between applications on the listeners and the core's streams (docs/client.md).
// Nothing here influences when a packet leaves: bytes wait in the core for slots that come anyway.
//
// Back-pressure acts only on applications: the proxy reads a socket only as far as its stream has
// room. Everything runs on the I/O thread. The task group must be cancelled and awaited before the
// proxy is destroyed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <memory>

#include "client/apps/listener.hpp"
#include "client/apps/name_server.hpp"
#include "client/core/core.hpp"
#include "client/protocol/early_success.hpp"
#include "client/protocol/goodput.hpp"
#include "client/protocol/handshake.hpp"
#include "client/protocol/name_map.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "sphinx/stream/byte_relay.hpp"

namespace nightjar::client::apps {

struct ProxyLimits {
    std::size_t connections = 512;  // with a request; one more gets the reply `overloaded`
    /// One more cuts the oldest, so that slow ones cannot block the port.
    std::size_t handshakes = 512;
    /// Of one listener, also those that read a refusal; one more is closed at once.
    std::size_t sockets = 1536;
    base::Seconds handshake{10};     // total, from accept to the request's last byte
    base::Seconds answer{60};        // from the request to the exit's answer
    base::Seconds half_closed{300};  // without a byte, when one direction has ended
    base::Seconds unread{3600};      // while bytes wait, until the application takes some. An hour,
                                     // so that a paused download lives.
    base::Seconds send_refusal{2};   // for an application to read a refusal
    std::size_t associations = 64;   // UDP; one more gets the reply `overloaded`
    std::size_t questions = 16;      // of one association, at once; further ones are dropped
    base::Seconds association{300};  // without a datagram
    std::size_t chunk = 16 * 1024;   // bytes per read or write
    protocol::EarlySuccess early_success = protocol::EarlySuccess::never;
};

class Proxy {
 public:
    Proxy(asio::any_io_executor executor, node::process::TaskGroup& tasks, ProxyLimits limits = {});
    ~Proxy();

    /// Binds and listens, one more place each time, and returns its address. Applications that
    /// connect before serve() wait in the backlog. All name servers with a range for names must
    /// have the same one. Throws node::process::StartupError, which names
    /// `key`.
    std::string listen(protocol::ListenerOptions options, const char* key = "listen");
    /// Closes the listener with this number (ListenerOptions::number). Connections that came
    /// through it go on. False if none has it, or it is closed already.
    bool close_listener(std::uint64_t number);
    /// Those that are open.
    std::size_t listeners() const { return listeners_.size() + name_servers_.size(); }
    /// Starts to serve applications. `core` must outlive the proxy's tasks.
    void serve(core::Core& core, bool private_targets);
    /// Passes the core's events to their connections. Call it whenever the core has received
    /// anything.
    void dispatch();
    /// Stops listening and resets the connections of all applications.
    void close();

    /// Bytes of applications since the start.
    const protocol::Carried& carried() const { return carried_; }
    std::size_t applications() const { return applications_.size(); }
    std::uint64_t literals() const { return literals_; }
    /// Connections that were refused because a bound was reached, cut handshakes included.
    std::uint64_t refused() const { return refused_; }

 private:
    struct Application;
    struct Association;
    using Ref = std::shared_ptr<Application>;

    asio::awaitable<void> deadline_loop();
    asio::awaitable<void> serve_connection(Ref application);
    asio::awaitable<bool> read_request(Ref application);
    asio::awaitable<bool> await_exit(Ref application);
    asio::awaitable<void> answer_lookup(Ref application);
    base::Bytes own_answer(const base::IpAddress& address) const;
    asio::awaitable<void> serve_association(Ref application);
    asio::awaitable<void> receive_datagrams(Ref application,
                                            std::shared_ptr<Association> association);
    asio::awaitable<void> answer_datagram(Ref application, std::shared_ptr<Association> association,
                                          base::Bytes header, protocol::dns::Question question);
    asio::awaitable<void> download(Ref application);
    asio::awaitable<void> upload(Ref application);
    asio::awaitable<bool> push(Ref application, base::ByteView bytes);
    asio::awaitable<void> send_refusal(Ref application, base::Bytes bytes);
    void act(const Ref& application, stream::ByteRelay::Input input);
    void check_progress(const Ref& application);
    asio::awaitable<void> accept(std::shared_ptr<Listener> listener);
    void admit(const Listener& listener, Listener::Protocol::socket socket,
               node::process::ConnectionPlace place);
    std::optional<protocol::Handshake> first_words(const Listener& listener,
                                                   Listener::Protocol::socket& socket);
    bool full() const;
    void forget(const Ref& application);
    void log_sharing();
    void count_refused(const char* bound);

    asio::any_io_executor executor_;
    node::process::TaskGroup& tasks_;
    ProxyLimits limits_;
    std::list<std::shared_ptr<Listener>> listeners_;  // shared with the tasks that accept
    Lookups lookups_;
    std::unique_ptr<protocol::NameMap> names_;
    std::list<std::shared_ptr<NameServer>> name_servers_;
    asio::steady_timer timer_;
    bool private_targets_ = false;
    bool closed_ = false;
    core::Core* core_ = nullptr;
    protocol::Carried carried_;
    std::size_t associations_ = 0;
    std::uint64_t literals_ = 0;
    std::uint64_t refused_ = 0;
    bool sharing_logged_ = false;
    std::list<Ref> applications_;  // oldest first
    std::map<core::StreamRef, Ref> by_stream_;
};

}  // namespace nightjar::client::apps
