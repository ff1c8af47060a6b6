// Accepts links on one address, against strangers who want to keep others out:
//
//   - each network prefix may connect only so often (base::PrefixRates);
//   - a connection is silent until its first message (the TLS ClientHello) is whole. A silent
//     one has at most a second, and silent ones have a pool of their own: they never take a place
//     of a peer that has spoken;
//   - a full pool takes a place from the heaviest prefix (base::PrefixShares);
//   - listed relays and authorities have pools and no rate of their own, by their addresses.
//
// It pauses when file descriptors run out. Of a source it keeps only counts, and only in memory.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>

#include "sphinx/base/prefix_rates.hpp"
#include "sphinx/base/prefix_shares.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::link {

struct ListenerLimits {
    std::size_t silent = 512;     // concurrent handshakes before the peer's first message
    std::size_t speaking = 512;   // and after it
    std::size_t known = 128;      // each of these two, for the addresses of know()
    base::PrefixRate rate = {};   // connections of a source
    bool limit_loopback = false;  // the rate holds for 127.0.0.0/8 and ::1 too
    base::Milliseconds pause_without_descriptors{100};
};

/// Counts since start-up.
struct ListenerCounts {
    std::uint64_t answered = 0;          // links passed to the owner
    std::uint64_t failed = 0;            // handshakes that failed
    std::uint64_t rate_limited = 0;      // closed immediately, before reading a byte
    std::uint64_t evicted = 0;           // lost the place of a handshake to another
    HandshakeFailures failures;          // those of `failed` that did not lose their place
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

    /// Sets the addresses of the listed relays and the authorities.
    void know(std::set<base::IpAddress> relays) { known_ = std::move(relays); }

    /// Accepts until stop() or cancellation. When it ends, none of its handshakes is running. Call
    /// it once, in a TaskGroup.
    asio::awaitable<void> run();
    void stop();

    /// The address it listens on. If port 0 was requested, this has the port that the kernel chose.
    asio::ip::tcp::endpoint address() const { return address_; }
    const ListenerCounts& counts() const { return counts_; }
    /// Handshakes that are under way.
    std::size_t handshakes() const { return handshakes_.size(); }
    /// Forgets who connected more than some seconds ago. Call it from time to time.
    void forget(base::Mono now) { rates_.forget(now); }
    /// The number of entries in the table of rates that say when a source connected.
    std::size_t remembered() const { return rates_.remembered(); }

 private:
    using Number = base::PrefixShares::Holder;
    struct Pools {
        base::PrefixShares silent;
        base::PrefixShares speaking;
    };
    class Place;

    void admit(asio::ip::tcp::socket socket, const base::IpAddress& from);
    asio::awaitable<void> handshake(asio::ip::tcp::socket socket, std::unique_ptr<Place> place);
    bool take_place(base::PrefixShares& pool, const base::IpAddress& from, Number number);

    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint address_;
    TlsIdentity& identity_;
    cell::Hello mine_;
    LinkLimits limits_;
    OnLink on_link_;
    ListenerLimits listener_limits_;
    ListenerCounts counts_;
    base::SystemRandom random_;
    base::PrefixRates rates_;
    Pools strangers_;
    Pools relays_;
    std::set<base::IpAddress> known_;
    std::unordered_map<Number, process::TaskGroup::TaskId> handshakes_;
    Number next_number_ = 0;
    bool stopped_ = false;
    process::TaskGroup tasks_;
};

}  // namespace nightjar::node::link
