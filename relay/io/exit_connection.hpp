// One connection of an exit. Only exit.cpp and exit_copy.cpp include this header.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "relay/io/exit.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

/// The socket of one stream. `closed` is set before the socket is closed, so that a task that wakes
/// up later uses neither the socket nor the session.
struct Exit::Connection {
    Connection(const boost::asio::any_io_executor& executor, const core::StreamRef& stream)
        : ref{stream}, socket{executor}, news{executor}, room{executor}, looks{executor} {}

    /// What the target takes from the kernel moves too.
    void look_at_unsent(base::Mono now) {
        const auto left = node::process::unsent_bytes(socket);
        if (left == std::exchange(unsent, left)) return;
        moved = now;
        if (writes_since) writes_since = now;
    }

    core::StreamRef ref;
    boost::asio::ip::tcp::socket socket;
    std::shared_ptr<Dial> dial;          // while it connects
    std::shared_ptr<Question> question;  // while it looks up
    node::process::Event news;  // bytes or the end have arrived from the client, for to_target()
    node::process::Event room;  // the session can take bytes again, for from_target()
    boost::asio::steady_timer looks;  // between two looks of watch()
    stream::ByteRelay relay;
    base::Mono begins{};                     // its session's turn for one more connection
    base::Mono moved{};                      // the last byte in any direction
    std::optional<base::Mono> writes_since;  // a write to the target that has not ended
    std::uint64_t passed = 0;                // bytes written to the target
    std::size_t unsent = 0;                  // what the kernel still had at the last look
    bool connected = false;
    bool client_finished = false;
    bool client_reset = false;
    bool watched = false;
    bool closed = false;
};

}  // namespace nightjar::relay::io
