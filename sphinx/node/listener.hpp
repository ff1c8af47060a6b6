// Accepts links on one address: bounded in how many handshakes run at once, in all and for one
// source, and patient when descriptors run out. What it knows of sources it forgets with them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "sphinx/node/link.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::node {

struct ListenerLimits {
    std::size_t handshakes = 1024;           // at once; when full the oldest is dropped
    std::size_t handshakes_per_source = 32;  // at once, per IPv4 address or IPv6 /64
    base::Milliseconds pause_without_descriptors{100};
};

/// Counts since the start, for lab metrics.
struct ListenerCounts {
    std::uint64_t answered = 0;          // links given to the owner
    std::uint64_t failed = 0;            // handshakes that led to none
    std::uint64_t source_limited = 0;    // closed at once, before a byte was read
    std::uint64_t dropped_oldest = 0;    // made room for a newer one
    std::uint64_t out_of_resources = 0;  // pauses, because accept found no descriptor or memory
};

/// One I/O thread. `identity` outlives it; it outlives run().
class Listener {
 public:
    /// Gets each established link; the owner decides who it is and runs it in a task of its own.
    using OnLink = std::function<void(std::unique_ptr<Link> link)>;

    /// Binds and listens. Throws boost::system::system_error if it cannot (start-up).
    Listener(asio::any_io_executor executor, const asio::ip::tcp::endpoint& address,
             TlsIdentity& identity, cell::Hello mine, LinkLimits limits, OnLink on_link,
             ListenerLimits listener_limits = {});
    ~Listener();

    /// Accepts until stop() or cancellation; when it ends no handshake of it runs. Call once, in a
    /// TaskGroup.
    asio::awaitable<void> run();
    void stop();

    /// Where it listens; the port that the kernel chose if the address had port 0.
    asio::ip::tcp::endpoint address() const { return address_; }
    const ListenerCounts& counts() const { return counts_; }

 private:
    using Source = asio::ip::address;

    struct Place;

    void admit(asio::ip::tcp::socket socket, const Source& source);
    asio::awaitable<void> handshake(asio::ip::tcp::socket socket, std::unique_ptr<Place> place);
    void drop_oldest();

    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint address_;
    asio::steady_timer timer_;
    TlsIdentity& identity_;
    cell::Hello mine_;
    LinkLimits limits_;
    OnLink on_link_;
    ListenerLimits listener_limits_;
    ListenerCounts counts_;
    std::map<std::uint64_t, TaskGroup::TaskId> handshakes_;  // by order of arrival
    std::map<Source, std::size_t> per_source_;
    std::uint64_t next_number_ = 0;
    bool stopped_ = false;
    TaskGroup tasks_;
};

}  // namespace nightjar::node
