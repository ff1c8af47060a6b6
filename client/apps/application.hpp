// One application's connection (proxy.cpp and application.cpp only). Its two coroutines and the
// proxy's lists share it. I/O thread only.
#pragma once

#include "client/apps/proxy.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/socket_end.hpp"
#include "sphinx/stream/byte_relay.hpp"

namespace nightjar::client::apps {

struct Proxy::Application {
    using Clock = std::chrono::steady_clock;
    Application(Listener::Protocol::socket connected, node::process::ConnectionPlace held,
                protocol::Handshake request)
        : place{std::move(held)},
          socket{std::move(connected)},
          handshake{std::move(request)},
          room{socket.get_executor()},
          news{socket.get_executor()} {
        node::process::reset_unless_closed(socket);
    }

    void wake() {
        room.set();
        news.set();
    }
    void close() { node::process::close_in_order(socket); }
    void abort() { node::process::abort_connection(socket); }

    enum class Phase { handshake, asking, relaying, associated, refused };
    Phase phase = Phase::handshake;
    const node::process::ConnectionPlace place;
    Listener::Protocol::socket socket;
    protocol::Handshake handshake;
    node::process::Event room;  // for upload(): the stream may have room
    node::process::Event news;  // for serve_connection(): anything else
    Clock::time_point deadline =
        Clock::time_point::max();  // of every phase, but of
                                   // `relaying` until the exit has connected
    core::StreamRef stream = 0;
    base::Bytes ahead;        // bytes that came right after the request
    bool cut = false;         // its handshake gives its place to a newer one
    bool looks_up = false;    // it asked for a lookup, not for a connection
    bool wants_name = false;  // the lookup is of an address
    bool early = false;       // we may answer "connected" before the exit has connected
    bool accepted = false;    // the exit has connected
    bool finished = false;    // the target's last byte has been read from the core
    bool gone = false;        // the application has closed, or we have closed its connection
    bool uploading = false;   // upload() is running
    std::optional<stream::ResetReason> reset;

    // --- while relaying ---
    stream::ByteRelay relay;
    bool writing = false;  // download() waits for the application to take bytes
    /// What has moved: bytes from and to the core, and bytes that the kernel holds.
    struct Progress {
        std::uint64_t bytes = 0;
        std::size_t unsent = 0;
        bool operator==(const Progress&) const = default;
    };
    std::uint64_t passed = 0;
    Progress seen;
    Clock::time_point moved{};  // when `seen` last changed
    // Of the bytes for the application alone: those that were written to it, and those that the
    // kernel holds.
    std::uint64_t written = 0;
    Progress seen_down;
    Clock::time_point taken{};  // when `seen_down` last changed, or no byte waited
};

}  // namespace nightjar::client::apps
