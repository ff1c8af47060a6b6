// The implementation of a Link: one socket, one TLS session, one timer. The link of a client to its
// gateway also has a TimedWriter, which it does not own. The implementation is shared
// between the Link and pending socket operations, so that a Link can be destroyed at any time.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "sphinx/node/link/bounded_queue.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/timed_writer.hpp"
#include "sphinx/node/link/tls_session.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::node::link {

/// Completion token: expected failures are returned as values.
using process::as_result;

struct Link::Impl : std::enable_shared_from_this<Link::Impl> {
    Impl(asio::ip::tcp::socket socket, TlsIdentity& identity, std::optional<base::LinkKey> pinned,
         const LinkLimits& limits);

    /// Closes the link with `timed_out` at the deadline unless it is established by then. A later
    /// call replaces the deadline.
    void arm_deadline(base::Mono deadline);
    /// Starts the flow of cells and the timers.
    void start(Sink& to);
    /// Passes every complete cell of the last read to the sink. The sink may end or destroy the
    /// link.
    void deliver();
    void schedule_flush();
    void bound_unsent(std::size_t bytes);
    /// Seals the cell for the writer. False if the link has ended or too many are waiting.
    bool hand_over(const cell::Cell& cell, base::Mono due);
    void end(LinkError why);
    /// Sends a close_notify if that is possible without blocking, then calls end().
    void close();

    asio::ip::tcp::socket socket;
    asio::steady_timer timer;
    TlsSession tls;
    const LinkLimits limits;
    cell::Hello hello_mine;
    cell::Hello hello_peer;
    base::Bytes input;  // buffer of one read; TLS has consumed it before the next read
    BoundedQueue<cell::CellBox> queue;

    Link* owner = nullptr;          // nullptr after the Link is destroyed
    Sink* sink = nullptr;           // nullptr until run()
    TimedWriter* writer = nullptr;  // writes instead of this thread; nullptr again after the end
    bool established = false;
    base::Mono deadline;                     // of the handshake, or of its first stage
    std::function<bool()> on_first_message;  // set at the accepting side, until it was called
    std::optional<LinkError> ended;

 private:
    void flush();
    bool renew_key_if_due();
    bool seal(const cell::Cell& cell);
    /// Gives what TLS has produced to the writer.
    void give_output(base::Mono due);
    /// True if nothing of what was accepted is still unwritten; the writer is then free.
    bool leave_writer();
    void on_written(bool ok);
    void arm_watchdog();
    void on_watchdog();

    base::Bytes in_flight_;  // bytes that the socket is writing
    bool writing_ = false;
    base::Mono writing_since_;  // of the write that is under way
    base::Milliseconds stuck_{};
    bool flush_scheduled_ = false;
    bool key_update_due_ = false;
    std::uint32_t cells_under_key_ = 0;
    base::Mono last_cell_;
    base::Mono next_key_update_;
    base::Mono next_keep_alive_;
};

}  // namespace nightjar::node::link
