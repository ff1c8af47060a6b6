// A link: TLS 1.3 between two pinned Ed25519 keys; each record holds one cell (docs/link.md).
// Everything here runs on the I/O thread, but for the writing of a link that has a TimedWriter.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/node/link/link_error.hpp"
#include "sphinx/node/link/tls_identity.hpp"

namespace nightjar::node::link {

namespace asio = boost::asio;

class TimedWriter;

/// All limits and timers of a link.
struct LinkLimits {
    base::Milliseconds handshake{5000};        // from accept or connect until both HELLOs
    base::Milliseconds first_message{1000};    // of it, until an accepted peer has said what it
                                               // wants: its whole ClientHello
    base::Seconds key_update{600};             // period of key updates, in each direction
    base::Seconds silence{60};                 // without a cell for so long the link is dead
    base::Milliseconds stuck_client{5000};     // a write that takes longer ends the link: between a
    base::Milliseconds stuck_relay{15'000};    // client and its gateway; between relays
    base::Seconds keep_alive{15};              // between relays, each way: one padding cell, by the
                                               // clock, independent of traffic; 0: none
    std::size_t send_queue = 512;              // cells; a full queue refuses, never blocks
    std::size_t unsent_relay = 1 << 20;        // bytes that the kernel takes for a link between
                                               // relays before it has sent what it has
    std::size_t records_per_write = 16;        // cells in one system call
    std::uint32_t key_updates_per_minute = 4;  // more from the peer closes the link
};

/// The address of a peer as a value; an IPv4 address that is mapped into IPv6 as IPv4.
base::IpAddress plain_address(const asio::ip::address& address);

/// An established link: both HELLOs were exchanged. Closing is immediate: queued cells are dropped.
/// It may be destroyed at any time on the I/O thread, even from within on_cell() and while run()
/// waits.
class Link {
 public:
    /// Receives the cells in order of arrival; must outlive the link.
    struct Sink {
        virtual ~Sink() = default;
        virtual void on_cell(Link& link, cell::CellBox cell) = 0;
    };

    ~Link();  // closes

    const base::LinkKey& peer_key() const;
    const cell::Hello& peer_hello() const;
    /// The keys come from X25519MLKEM768, not from X25519 alone: an observer who records this link
    /// now cannot read it with a quantum computer later.
    bool post_quantum() const;
    /// Where the peer is; zeros if the link has ended.
    base::IpAddress peer_address() const;

    /// Reads and writes until the link ends; returns the reason. Call it once. One writer sends the
    /// cells queued by send(). Every control cell that the sink receives is well-formed: a
    /// malformed one ends the link. The task does not touch the Link after the Link is destroyed
    /// (it then ends with `closed`), so call run() immediately and await it later if needed. The
    /// sink must live until the task ends or the Link is destroyed.
    asio::awaitable<LinkError> run(Sink& sink);

    /// Queues the cell; never blocks. Takes ownership in every case: the queue holds this very
    /// object until TLS encrypts it into the buffer of a write. Returns false if the queue is full
    /// or the link has ended; the cell is dropped then, and its slot is lost. Cells queued in one
    /// turn of the I/O thread are written together. Nothing is written before run(). Precondition:
    /// `cell` is not nullptr.
    bool send(cell::CellBox cell);

    /// All that this link writes goes through `writer` from now on, and send_at() takes the place
    /// of send(). Call it before run(). The writer has no other link, and must live until this one
    /// has ended.
    void write_through(TimedWriter& writer);
    /// Seals the cell now and hands it to the writer, which writes it at `due`. A cell that was
    /// handed over always leaves before what is sent later, even if it is late. Returns false like
    /// send(). Precondition: `cell` is not nullptr.
    bool send_at(cell::CellBox cell, base::Mono due);

    /// The number of cells accepted by send() and not yet given to the socket.
    std::size_t queued() const;
    /// Sets how many bytes the kernel may hold for this link until the peer confirms them. Without
    /// it the kernel takes megabytes for a peer that reads nothing. No effect if the link has
    /// ended.
    void bound_unsent(std::size_t bytes);
    /// Sends a close_notify if all that was accepted is written, and ends the link.
    void close();

    struct Impl;
    explicit Link(std::shared_ptr<Impl> impl);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

 private:
    std::shared_ptr<Impl> impl_;  // shared with operations that run() still waits for
};

using LinkResult = base::Result<std::unique_ptr<Link>, LinkError>;

/// Connects, checks that the peer has the key `expected`, and exchanges HELLOs (the peer's must
/// name the same network and version, and the role relay). `identity` must outlive the link.
/// `unreachable` is also the error for an invalid address.
asio::awaitable<LinkResult> dial(asio::ip::tcp::endpoint address, TlsIdentity& identity,
                                 base::LinkKey expected, cell::Hello mine, LinkLimits limits);

/// The accepting side, on an accepted socket. TLS accepts every certificate with an Ed25519 key.
/// The caller identifies the peer by peer_key() and peer_hello().role, and closes links that it
/// does not want. Calls `on_first_message` once the peer's first message is whole; false ends the
/// handshake.
asio::awaitable<LinkResult> answer(asio::ip::tcp::socket socket, TlsIdentity& identity,
                                   cell::Hello mine, LinkLimits limits,
                                   std::function<bool()> on_first_message = nullptr);

}  // namespace nightjar::node::link
