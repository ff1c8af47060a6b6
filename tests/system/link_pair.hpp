// Two ends of a link on loopback, in one thread: what the tests of links stand on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sphinx/node/link.hpp"
#include "sphinx/node/listener.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::tests {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A key that is the same in every run; `n` tells the keys of a test apart.
inline base::Secret<32> seed(std::uint8_t n) {
    base::Secret<32> secret;
    for (std::uint8_t& byte : secret.span())
        byte = n;
    return secret;
}

inline cell::Hello hello(cell::LinkRole role, std::uint8_t network = 7) {
    cell::Hello mine;
    mine.network.bytes.fill(network);
    mine.role = role;
    return mine;
}

/// A packet cell whose body tells its number.
inline cell::Cell numbered(std::uint32_t n) {
    base::Bytes body(cell::body_size);
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<std::uint8_t>(n + i);
    return cell::Cell::packet(body, static_cast<std::uint8_t>(n));
}

/// Runs a link and keeps what it gave.
struct Collector : node::Link::Sink {
    std::vector<cell::Cell> cells;
    std::function<void(node::Link&)> on_each;

    void on_cell(node::Link& link, cell::CellBox cell) override {
        cells.push_back(*cell);
        if (on_each) on_each(link);
    }
};

/// One end: its identity, its sink, and how it went.
struct End {
    explicit End(std::uint8_t n) : identity{seed(n)} {}

    node::TlsIdentity identity;
    Collector got;
    std::unique_ptr<node::Link> link;
    std::optional<node::LinkError> refused;  // no link was established
    std::optional<node::LinkError> ended;    // it was, and ended
};

/// The product's limits with a longer handshake: a busy machine is no fault of the link's.
inline node::LinkLimits patient_limits() {
    node::LinkLimits limits;
    limits.handshake = base::Milliseconds{30'000};
    return limits;
}

/// An answering end behind a listener, and whatever dials it.
class LinkPair {
 public:
    explicit LinkPair(node::LinkLimits limits = patient_limits(),
                      node::ListenerLimits listener_limits = {});
    ~LinkPair();

    /// Where the answering end listens.
    tcp::endpoint address() const { return listener_->address(); }
    /// Dials `address` as a client, runs the link, and notes how it ended.
    void dial(const tcp::endpoint& address, const base::LinkKey& expected,
              const cell::Hello& mine = hello(cell::LinkRole::client));
    void dial() { dial(address(), answering.identity.key()); }
    /// Turns the I/O thread until `done` holds; false after `patience`.
    bool until(const std::function<bool()>& done,
               base::Milliseconds patience = base::Milliseconds{40'000});
    /// dial() and wait for both ends.
    bool connect();
    void run_for(base::Milliseconds time);
    /// Runs `work` in a thread of its own and turns the I/O thread until it is done.
    void beside(const std::function<void()>& work);

    asio::io_context io{1};
    node::LinkLimits limits;
    std::vector<std::string> failures;  // of tasks that ended by an exception
    node::TaskGroup tasks;
    End answering{1};
    End dialing{2};
    node::Listener& listener() { return *listener_; }

 private:
    std::unique_ptr<node::Listener> listener_;
};

}  // namespace nightjar::tests
