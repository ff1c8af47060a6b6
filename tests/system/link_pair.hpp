// Two ends of a link on loopback in one thread. The base of all link tests.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::tests {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A key seed that is the same in every run; `n` distinguishes the keys of a test.
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

/// A packet cell with the number `n` in its body.
inline cell::Cell numbered(std::uint32_t n) {
    base::Bytes body(cell::body_size);
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<std::uint8_t>(n + i);
    return cell::Cell::packet(body, static_cast<std::uint8_t>(n));
}

/// A cell in a box, as Link::send() takes it.
inline cell::CellBox boxed(const cell::Cell& cell) {
    return std::make_unique<cell::Cell>(cell);
}

/// Keeps the cells that a link delivers.
struct Collector : node::link::Link::Sink {
    std::vector<cell::Cell> cells;
    std::function<void(node::link::Link&)> on_each;

    void on_cell(node::link::Link& link, cell::CellBox cell) override {
        cells.push_back(*cell);
        if (on_each) on_each(link);
    }
};

/// One end: its identity, its sink, and how its link ended.
struct End {
    explicit End(std::uint8_t n) : identity{seed(n)} {}

    node::link::TlsIdentity identity;
    Collector got;
    std::unique_ptr<node::link::Link> link;
    std::optional<node::link::LinkError> refused;  // no link was established
    std::optional<node::link::LinkError> ended;    // a link was established and has ended
};

/// The product's limits with a longer handshake timeout, so that a busy machine fails no test.
inline node::link::LinkLimits patient_limits() {
    node::link::LinkLimits limits;
    limits.handshake = base::Milliseconds{30'000};
    limits.first_message = base::Milliseconds{30'000};
    return limits;
}

/// An answering end behind a listener, and the end that dials it.
class LinkPair {
 public:
    explicit LinkPair(node::link::LinkLimits limits = patient_limits(),
                      node::link::ListenerLimits listener_limits = {});
    ~LinkPair();

    /// The address on which the answering end listens.
    tcp::endpoint address() const { return listener_->address(); }
    /// Dials `address` as a client, runs the link, and notes how it ended.
    void dial(const tcp::endpoint& address, const base::LinkKey& expected,
              const cell::Hello& mine = hello(cell::LinkRole::client));
    void dial() { dial(address(), answering.identity.key()); }
    /// Runs the I/O loop until `done` holds. False if `patience` has passed first.
    bool until(const std::function<bool()>& done,
               base::Milliseconds patience = base::Milliseconds{40'000});
    /// Calls dial() and waits for both ends.
    bool connect();
    void run_for(base::Milliseconds time);
    /// Runs `work` in a separate thread, and the I/O loop until it is done.
    void beside(const std::function<void()>& work);

    asio::io_context io{1};
    node::link::LinkLimits limits;
    std::vector<std::string> failures;  // tasks that ended with an exception
    node::process::TaskGroup tasks;
    End answering{1};
    End dialing{2};
    node::link::Listener& listener() { return *listener_; }

 private:
    std::unique_ptr<node::link::Listener> listener_;
};

}  // namespace nightjar::tests
