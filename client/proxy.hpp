// Moves bytes between applications on the SOCKS5 port and the core's streams (docs/client.md).
// Nothing here decides when a packet leaves: bytes wait in the core for slots that come anyway.
//
// Back-pressure runs only towards applications: a socket is read as far as its stream has room.
// Everything is on the I/O thread. The task group is cancelled and awaited before the proxy dies.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <memory>

#include "client/core.hpp"
#include "client/socks5.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::client {

namespace asio = boost::asio;

struct ProxyLimits {
    std::size_t connections = 512;   // a further one is closed
    std::size_t handshakes = 64;     // a further one closes the oldest: slow ones lock nobody out
    base::Seconds handshake{10};     // absolute, from accept to the request's last byte
    base::Seconds answer{60};        // from the request to the exit's answer
    base::Seconds half_closed{300};  // nothing written to an application that sends no more
    base::Seconds last_words{2};     // for an application to read a refusal
    std::size_t chunk = 16 * 1024;   // bytes in one read or write
};

class Proxy {
 public:
    Proxy(asio::any_io_executor executor, node::TaskGroup& tasks, ProxyLimits limits = {});
    ~Proxy();

    /// Binds; applications that connect wait. Throws boost::system::system_error.
    asio::ip::tcp::endpoint listen(const asio::ip::tcp::endpoint& address);
    /// Serves them from here on. `core` outlives the proxy's tasks.
    void serve(Core& core, bool private_targets);
    /// Hands the core's events to their connections. Call after anything has reached the core.
    void dispatch();
    /// No further applications; those there are see their connection reset.
    void close();

    std::size_t applications() const { return applications_.size(); }
    std::uint64_t literals() const { return literals_; }

 private:
    struct Application;
    using Ref = std::shared_ptr<Application>;

    asio::awaitable<void> accept_loop();
    asio::awaitable<void> deadline_loop();
    asio::awaitable<void> converse(Ref application);
    asio::awaitable<bool> shake_hands(Ref application);
    asio::awaitable<bool> await_exit(Ref application);
    asio::awaitable<void> download(Ref application);
    asio::awaitable<void> upload(Ref application);
    asio::awaitable<bool> push(Ref application, base::Bytes bytes);
    asio::awaitable<void> last_words(Ref application, base::Bytes bytes);
    void admit(asio::ip::tcp::socket socket);
    void forget(const Ref& application);

    asio::any_io_executor executor_;
    node::TaskGroup& tasks_;
    ProxyLimits limits_;
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer timer_;
    asio::steady_timer pause_;
    socks5::Rules rules_;
    Core* core_ = nullptr;
    std::uint64_t literals_ = 0;
    std::list<Ref> applications_;  // oldest first
    std::map<StreamRef, Ref> by_stream_;
};

}  // namespace nightjar::client
