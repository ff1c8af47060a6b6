// A DNS listener: UDP and TCP on one port. It answers A, AAAA and PTR by lookups through the exit
// (docs/client.md). It keeps nothing.
//
// Bounds: so many questions at once, and fewer from one asker; further ones over UDP get no answer,
// as if they were lost on the way, and a resolver asks again. I/O thread only. Its tasks share this
// object, so it may be closed and released at any time.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <memory>
#include <string>

#include "client/apps/lookups.hpp"
#include "client/protocol/dns_message.hpp"
#include "client/protocol/listener_options.hpp"
#include "client/protocol/name_map.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::client::apps {

struct NameServerLimits {
    std::size_t questions = 64;     // over UDP, at once
    std::size_t of_one_asker = 16;  // of these, from one address and port
    std::size_t connections = 32;   // TCP; a further one is closed at once
    base::Seconds silence{10};      // of a TCP connection, between two questions
};

class NameServer : public std::enable_shared_from_this<NameServer> {
 public:
    /// Binds both sockets. With `names`, questions for the address of a name are answered from
    /// them, at once, and no name has an IPv6 address. Throws node::process::StartupError, which
    /// names `key`.
    NameServer(asio::any_io_executor executor, node::process::TaskGroup& tasks, Lookups& lookups,
               protocol::NameMap* names, protocol::ListenerOptions options, const char* key,
               NameServerLimits limits = {});

    const std::string& address() const { return address_; }
    std::uint64_t number() const { return number_; }
    bool is_remote() const { return remote_; }
    /// Starts to answer. Preconditions: `lookups` serves, and a shared pointer owns this object.
    void serve(bool private_targets);
    /// Answers no further question. `lookups` and `names` must outlive what is being answered.
    void close();

 private:
    using Udp = asio::ip::udp;
    using Tcp = asio::ip::tcp;

    // Each of these tasks holds `self`.
    using Self = std::shared_ptr<NameServer>;
    asio::awaitable<void> receive_questions(Self self);
    asio::awaitable<void> answer_datagram(Self self, protocol::dns::Question question,
                                          Udp::endpoint asker);
    asio::awaitable<void> serve_connection(Self self, Tcp::socket socket,
                                           node::process::ConnectionPlace place);
    asio::awaitable<base::Bytes> answer(protocol::dns::Question question, std::size_t most);
    bool full(const Udp::endpoint& asker) const;
    void send(const base::Bytes& answer, const Udp::endpoint& asker);

    node::process::TaskGroup& tasks_;
    Lookups& lookups_;
    protocol::NameMap* names_;
    NameServerLimits limits_;
    bool private_targets_ = false;
    Udp::socket udp_;
    Tcp::acceptor tcp_;
    std::string address_;
    std::uint64_t number_;
    core::IsolationKey isolation_;
    bool remote_ = false;
    std::size_t questions_ = 0;
    std::map<Udp::endpoint, std::size_t> askers_;  // how many of the questions each has asked
};

}  // namespace nightjar::client::apps
