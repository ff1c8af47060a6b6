// A link: TLS 1.3 between two pinned Ed25519 keys, cells of one record each (docs/link.md).
// Everything here runs on the I/O thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/cell/control.hpp"

namespace nightjar::node {

namespace asio = boost::asio;

/// Every limit and timer of a link.
struct LinkLimits {
    base::Milliseconds handshake{5000};        // absolute, from accept or connect to both HELLOs
    base::Seconds key_update{600};             // each way, by the clock
    base::Seconds silence{60};                 // no cell arrived for so long: the link is dead
    base::Seconds keep_alive{15};              // between relays, each way: one padding cell, by the
                                               // clock whatever else flows; 0: none
    std::size_t send_queue = 512;              // cells; a full queue refuses, never blocks
    std::size_t records_per_write = 16;        // cells in one system call
    std::uint32_t key_updates_per_minute = 4;  // more from the peer closes the link
};

enum class LinkError {
    unreachable,  // connect failed
    handshake,    // TLS failed, another protocol, or another key than the pinned one
    timed_out,    // handshake deadline
    bad_hello,    // another network, version or role
    bad_cell,     // a record of another size or that does not authenticate, an unknown kind, a
                  // malformed control message, a second HELLO
    closed,       // by the peer or by us
    silent,
    abuse,  // KeyUpdate storm
};
const char* to_string(LinkError error);

/// Our own key and self-signed certificate. One for the process; outlives its links.
class TlsIdentity {
 public:
    /// Throws std::runtime_error if OpenSSL refuses (start-up).
    explicit TlsIdentity(const base::Secret<32>& ed25519_seed);
    ~TlsIdentity();
    TlsIdentity(const TlsIdentity&) = delete;
    TlsIdentity& operator=(const TlsIdentity&) = delete;

    const base::LinkKey& key() const;

    struct Impl;
    Impl& impl() { return *impl_; }

 private:
    std::unique_ptr<Impl> impl_;
};

/// An established link: both HELLOs are exchanged. Closing is immediate: queued cells are dropped.
/// May be destroyed at any time on the I/O thread, also from within on_cell() and while run()
/// waits.
class Link {
 public:
    /// Gets each cell that arrives, in order; the link does not outlive it.
    struct Sink {
        virtual ~Sink() = default;
        virtual void on_cell(Link& link, cell::CellBox cell) = 0;
    };

    ~Link();  // closes

    const base::LinkKey& peer_key() const;
    const cell::Hello& peer_hello() const;

    /// Reads and writes until the link ends; the reason why. Call once. Cells queued by send() go
    /// out through one writer; control cells that arrive decode. Never touches the Link once that
    /// is destroyed (it then ends with `closed`), so call it at once and await it when you like:
    /// the sink must live until it ends or the Link is destroyed.
    asio::awaitable<LinkError> run(Sink& sink);

    /// Queues a copy, never blocks; false if the queue is full or the link has ended (the cell is
    /// dropped: its slot is lost). What is sent in one turn of the I/O thread leaves together, and
    /// nothing leaves before run().
    bool send(const cell::Cell& cell);
    /// Cells accepted by send() and not yet given to the socket.
    std::size_t queued() const;
    void close();

    struct Impl;
    explicit Link(std::shared_ptr<Impl> impl);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

 private:
    std::shared_ptr<Impl> impl_;  // shared with what run() still waits for
};

using LinkResult = base::Result<std::unique_ptr<Link>, LinkError>;

/// Connects, proves `expected`, exchanges HELLOs (theirs must name the same network and version,
/// and a relay). `identity` outlives the link. `unreachable` also stands for a bad address.
asio::awaitable<LinkResult> dial(asio::ip::tcp::endpoint address, TlsIdentity& identity,
                                 base::LinkKey expected, cell::Hello mine, LinkLimits limits);

/// The other side, on an accepted socket. Any certificate with an Ed25519 key passes TLS: the
/// caller decides by peer_key() and peer_hello().role who it is, and closes what it does not want.
asio::awaitable<LinkResult> answer(asio::ip::tcp::socket socket, TlsIdentity& identity,
                                   cell::Hello mine, LinkLimits limits);

}  // namespace nightjar::node
