// Inside of a Link: one socket, one TLS session, one writer, one timer. Shared between the Link and
// whatever still waits for the socket, so that a Link can be destroyed at any time.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>

#include "sphinx/node/bounded_queue.hpp"
#include "sphinx/node/link.hpp"
#include "sphinx/node/tls_session.hpp"

namespace nightjar::node {

/// Expected failures come back as values.
inline constexpr auto as_value = asio::as_tuple(asio::use_awaitable);

struct Link::Impl : std::enable_shared_from_this<Link::Impl> {
    Impl(asio::ip::tcp::socket socket, TlsIdentity& identity, std::optional<base::LinkKey> pinned,
         const LinkLimits& limits);

    /// Closes the link with `timed_out` at the deadline, unless it is established by then.
    void arm_deadline();
    /// From here cells flow and the clock runs.
    void start(Sink& to);
    /// Gives the sink every whole cell of what was read last. The sink may end or destroy the link.
    void deliver();
    void schedule_flush();
    void end(LinkError why);
    /// end() preceded by a close_notify, if that can go out at once.
    void close();

    asio::ip::tcp::socket socket;
    asio::steady_timer timer;
    TlsSession tls;
    const LinkLimits limits;
    cell::Hello hello_mine;
    cell::Hello hello_peer;
    base::Bytes input;  // what one read takes; TLS has used all of it before the next
    BoundedQueue<cell::CellBox> queue;

    Link* owner = nullptr;  // null once the Link is destroyed
    Sink* sink = nullptr;   // null until run()
    bool established = false;
    std::optional<LinkError> ended;

 private:
    void flush();
    void on_written(bool ok);
    void arm_watchdog();
    void on_watchdog();

    base::Bytes in_flight_;  // what the socket is writing
    bool writing_ = false;
    bool flush_scheduled_ = false;
    bool key_update_due_ = false;
    std::uint32_t cells_under_key_ = 0;
    base::Mono last_cell_;
    base::Mono next_key_update_;
    base::Mono next_keep_alive_;
};

}  // namespace nightjar::node
