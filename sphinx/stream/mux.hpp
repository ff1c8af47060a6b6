// Streams of one exit session, one end of it (docs/stream.md). Both ends run this same object:
// the client inside `session`, the exit inside `exit_sessions`.
//
// Bytes are named by 64-bit offsets; every byte is delivered once and in order, or the stream is
// reset with a reason. What a lost packet carried goes into a later packet; nothing is ever sent
// because of a loss, so loss changes no rate. Memory is bounded by MuxLimits whatever the peer
// does. Pure: no I/O, no clock. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/stream/frame.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::stream {

/// Where the exit connects: a host name or a literal address, and a port.
struct Target {
    std::string host;  // 1 to 255 bytes, no NUL
    std::uint16_t port = 0;
    bool operator==(const Target&) const = default;
};

struct Event {
    enum class Kind {
        opened,    // exit: a client asks for `target`; answer accept() or reset(). The first
        accepted,  // client: the exit has connected
        readable,  // read() has bytes
        writable,  // write() takes bytes again
        finished,  // every byte up to the peer's FIN has been read
        reset,     // the peer, or a rule that it broke, has ended the stream, for `reason`
        pong,      // client: the answer to ping(`nonce`)
    };
    StreamId stream = 0;
    Kind kind = Kind::opened;
    Target target;
    ResetReason reason = ResetReason::cancelled;
    std::uint64_t nonce = 0;
};

/// Windows are hard: a peer that overruns one has that stream reset. What all streams of a session
/// are granted together never exceeds session_window, so no stream can use up another's.
struct MuxLimits {
    std::size_t streams_max = 128;  // open at once; an exit, whose view lags, bears twice as many
    std::size_t send_buffer = 256 * 1024;     // per stream, bytes accepted and not acknowledged
    std::size_t receive_window = 256 * 1024;  // per stream, bytes the peer may be ahead of read()
    std::size_t session_window = 2 * 1024 * 1024;  // all streams together, each way
    /// Part of the protocol, the same at both ends: what a stream may send before any WINDOW.
    /// streams_max of them fit session_window.
    std::size_t initial_window = 8 * 1024;

    /// Buffers for a session of so many packets a second: what is under way while a lost packet is
    /// missed and sent again, so that loss does not stop a transfer.
    static MuxLimits for_rate(double packets_per_second);
};

class Mux {
 public:
    explicit Mux(Side side, MuxLimits limits = {});
    ~Mux();
    Mux(Mux&&) noexcept;
    Mux& operator=(Mux&&) noexcept;

    // --- the application's side; unknown and ended streams are harmless ---
    /// Client only. Nothing if streams_max are open or the target is malformed. Bytes may be
    /// written before `accepted`; the exit keeps them for its target.
    std::optional<StreamId> open(const Target& target);
    /// Exit only: the connection for `opened` stands.
    void accept(StreamId stream);
    /// Takes as many bytes as there is room for and returns how many. After a short write, or
    /// writable() == 0, a `writable` event tells of new room.
    std::size_t write(StreamId stream, base::ByteView bytes);
    std::size_t writable(StreamId stream) const;
    /// Moves up to out.size() bytes out, opening the peer's window by as much.
    std::size_t read(StreamId stream, base::ByteSpan out);
    std::size_t readable(StreamId stream) const;
    /// No more bytes from us: FIN with the final offset. Reading goes on.
    void finish(StreamId stream);
    /// Ends the stream at once, both ways; bytes not yet read are gone. No event follows here.
    void reset(StreamId stream, ResetReason reason);
    /// Resets every stream, as the peer would: `reset` events follow. For a session that ends.
    void reset_all(ResetReason reason);
    /// Client only. Sent once, never again: what a lost ping says is that it was lost.
    void ping(std::uint64_t nonce);
    /// What happened since the last call, oldest first. Call it after every receive().
    std::vector<Event> take_events();
    bool idle() const;      // no stream, nothing to send
    bool has_data() const;  // fill() would write something, given room
    std::size_t streams() const;
    /// What all streams take, their buffers included, in bytes.
    std::size_t memory() const;

    // --- the packets' side ---
    /// Writes frames into `room` and remembers that packet `number` carries them. Returns the bytes
    /// used; the rest of `room` is zeroed. Streams take turns by packet, so none starves another.
    /// The nonces of the pings that it carries are added to `pings`, if given. Precondition:
    /// numbers count up.
    std::size_t fill(PacketNumber number, base::ByteSpan room,
                     std::vector<std::uint64_t>* pings = nullptr);
    /// Packet `number` has arrived / is given up: its frames are done / go into later packets.
    void acknowledged(PacketNumber number);
    void lost(PacketNumber number);
    /// Frames of a packet that arrived (duplicates are harmless). False if they are malformed: the
    /// packet then has no effect at all.
    bool receive(base::ByteView frames);
    /// Whether receive() would take them: for callers with more to commit than frames.
    static bool well_formed(Side receiver, base::ByteView frames);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::stream
