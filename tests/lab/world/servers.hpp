// The servers that simulated exits connect to. They run in the same process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "relay/core/exit_sessions.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::lab::world {

/// The server side of one connection. The bytes in `out` are sent as fast as the stream takes them.
/// When `end` is set and `out` is empty, this side finishes the stream.
class ByteServer {
 public:
    virtual ~ByteServer() = default;
    virtual void on_bytes(base::ByteView bytes) = 0;
    virtual void on_finish() = 0;  // the client sends no more
    /// Called when `out` is empty. A server that sends much can produce it piece by piece.
    virtual void on_sent() {}

    base::Bytes out;
    bool end = false;
};
using ServerFactory = std::function<std::unique_ptr<ByteServer>()>;

/// The hosts and ports that exits can reach. All others are unresolvable.
class Servers {
 public:
    void add(const std::string& host, std::uint16_t port, ServerFactory factory);
    std::unique_ptr<ByteServer> connect(const stream::Target& target) const;  // nullptr: unknown

 private:
    std::map<std::pair<std::string, std::uint16_t>, ServerFactory> factories_;
};

/// Sends back what it receives. Finishes when the client finishes.
std::unique_ptr<ByteServer> echo_server();
/// Reads a big-endian count of 8 bytes, answers with that many test_bytes(), then finishes.
std::unique_ptr<ByteServer> blob_server();
/// Receives everything. When the client finishes, it answers with the byte count (8 bytes) and the
/// SHA-256 (32 bytes) of the data, then finishes.
std::unique_ptr<ByteServer> sink_server();
/// The first `n` bytes of a fixed sequence that does not repeat.
base::Bytes test_bytes(std::size_t n);

/// Takes the place of an exit's sockets: connects the streams of its sessions to Servers.
class ExitHost {
 public:
    ExitHost(relay::core::ExitSessions& sessions, const Servers& servers)
        : sessions_{sessions}, servers_{servers} {}
    void step();
    /// All servers reset their connections.
    void break_connections();
    std::size_t connections() const { return connections_.size(); }

 private:
    void on_event(const relay::core::StreamRef& stream, const stream::Event& event);
    void read_all(const relay::core::StreamRef& stream, ByteServer& server);
    void write_some(const relay::core::StreamRef& stream);

    struct Connection {
        std::unique_ptr<ByteServer> server;
        bool finished = false;         // the server sends no more
        bool client_finished = false;  // the client sends no more
    };
    relay::core::ExitSessions& sessions_;
    const Servers& servers_;
    std::map<relay::core::StreamRef, Connection> connections_;
};

}  // namespace nightjar::lab::world
