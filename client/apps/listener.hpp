// One listening socket for applications: TCP, or a unix socket. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <optional>
#include <string>

#include "client/protocol/isolation_rules.hpp"
#include "client/protocol/listener_options.hpp"

namespace nightjar::client::apps {

namespace asio = boost::asio;

class Listener {
 public:
    using Protocol = asio::generic::stream_protocol;
    using Acceptor = asio::basic_socket_acceptor<Protocol>;

    /// Binds and listens: applications wait in the backlog until accept() is called. Replaces a
    /// socket file on which no process listens, and no other file. Throws
    /// node::process::StartupError, which names `key`.
    Listener(asio::any_io_executor executor, protocol::ListenerOptions options, const char* key);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    Acceptor& acceptor() { return acceptor_; }
    /// With the port that was taken: "127.0.0.1:9150", or "unix:/path".
    const std::string& address() const { return address_; }
    std::uint64_t number() const { return options_.number; }
    /// Neither loopback nor a unix socket.
    bool is_remote() const { return remote_; }
    /// The rules for an application that has connected.
    protocol::Rules rules(Protocol::socket& application, bool private_targets) const;
    bool is_transparent() const {
        return options_.way == protocol::ListenerOptions::Way::transparent;
    }
    /// Where a redirected application wanted to go. Empty if it was not redirected.
    static std::optional<base::IpEndpoint> wanted_target(Protocol::socket& application);
    /// Removes the socket file.
    void close();

 private:
    void listen_tcp();
    void listen_unix();

    protocol::ListenerOptions options_;
    Acceptor acceptor_;
    std::string address_;
    bool remote_ = false;
};

}  // namespace nightjar::client::apps
