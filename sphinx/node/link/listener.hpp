// Accepts links on one address. Limits the number of concurrent handshakes, in total and per
// source, and pauses when file descriptors run out. It keeps data about a source only while it has
// handshakes.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "sphinx/node/link/link.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::link {

struct ListenerLimits {
    std::size_t handshakes = 1024;           // concurrent; when full, the oldest is dropped
    std::size_t handshakes_per_source = 32;  // concurrent, per IPv4 address or IPv6 /64
    base::Milliseconds pause_without_descriptors{100};
};

/// Counts since start-up, for lab metrics.
struct ListenerCounts {
    std::uint64_t answered = 0;          // links passed to the owner
    std::uint64_t failed = 0;            // handshakes that failed
    std::uint64_t source_limited = 0;    // closed immediately, before reading a byte
    std::uint64_t dropped_oldest = 0;    // dropped in favour of a newer handshake
    std::uint64_t out_of_resources = 0;  // pauses because accept had no descriptor or memory
};

/// One I/O thread. `identity` must outlive this object, and it must outlive run().
class Listener {
 public:
    /// Receives each established link. The owner decides by the peer's key and role whether to keep
    /// it, and runs it in a task of its own.
    using OnLink = std::function<void(std::unique_ptr<Link> link)>;

    /// Binds and listens. Throws boost::system::system_error if that fails (at start-up).
    Listener(asio::any_io_executor executor, const asio::ip::tcp::endpoint& address,
             TlsIdentity& identity, cell::Hello mine, LinkLimits limits, OnLink on_link,
             ListenerLimits listener_limits = {});
    ~Listener();

    /// Accepts until stop() or cancellation. When it ends, none of its handshakes is running. Call
    /// it once, in a TaskGroup.
    asio::awaitable<void> run();
    void stop();

    /// The address it listens on. If port 0 was requested, this has the port that the kernel chose.
    asio::ip::tcp::endpoint address() const { return address_; }
    const ListenerCounts& counts() const { return counts_; }

 private:
    using Source = asio::ip::address;

    struct HandshakeSlot;

    void admit(asio::ip::tcp::socket socket, const Source& source);
    asio::awaitable<void> handshake(asio::ip::tcp::socket socket,
                                    std::unique_ptr<HandshakeSlot> place);
    void drop_oldest();

    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint address_;
    TlsIdentity& identity_;
    cell::Hello mine_;
    LinkLimits limits_;
    OnLink on_link_;
    ListenerLimits listener_limits_;
    ListenerCounts counts_;
    std::map<std::uint64_t, process::TaskGroup::TaskId> handshakes_;  // by order of arrival
    std::map<Source, std::size_t> per_source_;
    std::uint64_t next_number_ = 0;
    bool stopped_ = false;
    process::TaskGroup tasks_;
};

}  // namespace nightjar::node::link
