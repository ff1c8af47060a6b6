// What an exit of the simulation connects to: byte servers in the same process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "relay/exit_sessions.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::simulation {

/// One connection's far end. What it puts into `out` is sent as the stream takes it; after `end`
/// and the last byte of `out` the stream is finished from this side.
class ByteServer {
 public:
    virtual ~ByteServer() = default;
    virtual void on_bytes(base::ByteView bytes) = 0;
    virtual void on_finish() = 0;  // the client sends no more
    /// `out` is empty: who sends much makes it piece by piece.
    virtual void on_sent() {}

    base::Bytes out;
    bool end = false;
};
using ServerFactory = std::function<std::unique_ptr<ByteServer>()>;

/// Names and ports that exits can reach; anything else is unresolvable.
class Servers {
 public:
    void add(const std::string& host, std::uint16_t port, ServerFactory factory);
    std::unique_ptr<ByteServer> connect(const stream::Target& target) const;  // nullptr: no such

 private:
    std::map<std::pair<std::string, std::uint16_t>, ServerFactory> factories_;
};

/// Sends back what it gets, and finishes when the client does.
std::unique_ptr<ByteServer> echo_server();
/// Reads 8 bytes, a big-endian count, and answers with as many of test_bytes(); then finishes.
std::unique_ptr<ByteServer> blob_server();
/// Takes everything; when the client finishes, answers with 8 bytes, the count, and 32, the SHA-256
/// of what came, and finishes.
std::unique_ptr<ByteServer> sink_server();
/// The first n of one fixed sequence of bytes that does not repeat.
base::Bytes test_bytes(std::size_t n);

/// The sockets' part of an exit: connects the streams of its sessions to Servers.
class ExitHost {
 public:
    ExitHost(relay::ExitSessions& sessions, const Servers& servers)
        : sessions_{sessions}, servers_{servers} {}
    void step();
    std::size_t connections() const { return connections_.size(); }

 private:
    void on_event(const relay::StreamRef& stream, const stream::Event& event);
    void read_all(const relay::StreamRef& stream, ByteServer& server);
    void write_some(const relay::StreamRef& stream);

    struct Connection {
        std::unique_ptr<ByteServer> server;
        bool finished = false;         // from this side
        bool client_finished = false;  // and from the other
    };
    relay::ExitSessions& sessions_;
    const Servers& servers_;
    std::map<relay::StreamRef, Connection> connections_;
};

}  // namespace nightjar::simulation
