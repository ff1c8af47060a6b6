// The streams of a client at one exit, at one of the two ends (docs/stream.md). Both ends run this
// class. One session carries its packets, or several do at once: then the streams outlive each of
// them.
//
// Each byte has a 64-bit offset in its stream. Every byte is delivered once and in order, or the
// stream is reset with a reason. A reset never overtakes the bytes that its sender accepted before.
// The content of a lost packet goes into a later packet. A loss never causes an extra packet, so
// loss does not change the packet rate. MuxLimits bounds the memory, whatever the peer does. Pure:
// no I/O, no clock. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/stream/frame.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::stream {

/// The target that the exit connects to: a host name or a literal address, and a port. Port 0 asks
/// for a lookup instead: the exit accepts the stream, sends `name_records`, and finishes it.
struct Target {
    std::string host;  // 1 to 255 bytes, no NUL
    std::uint16_t port = 0;
    bool operator==(const Target&) const = default;
};

/// True for a host of 1 to 255 bytes without a NUL. Port 0 asks for a lookup.
bool valid_target(const Target& target);

struct Event {
    enum class Kind {
        opened,    // exit, first event: the client requests `target`; call accept() or reset()
        accepted,  // client: the exit has connected
        readable,  // read() can return bytes
        writable,  // write() accepts bytes again
        finished,  // all bytes up to the peer's FIN have been read
        reset,     // the peer ended the stream and its good bytes have been read, or it broke a
                   // rule; see `reason`
        pong,      // client: the answer to ping(`nonce`)
        stopped,   // the peer reads no more; what it has sent may still be readable
    };
    StreamId stream = 0;
    Kind kind = Kind::opened;
    Target target;
    ResetReason reason = ResetReason::cancelled;
    std::uint64_t nonce = 0;
};

/// Part of the protocol: a client has at most so many streams open at once in one session, and
/// waits above it. An exit allows twice as many, because it learns of a stream's end later.
inline constexpr std::size_t session_streams_max = 128;

/// Windows are enforced: a stream whose peer exceeds its window is reset. The windows of all
/// streams together never exceed session_window, so no stream can use up the window of another.
/// What a client sends ahead of its windows comes on top, at most `ahead`.
/// A client's window opens when the packets that brought the bytes are settled.
struct MuxLimits {
    // Open at once; an exit, which learns of ends late, allows 2x, and a client keeps half as many
    // that have just ended.
    std::size_t streams_max = session_streams_max;
    std::size_t send_buffer = 256 * 1024;     // per stream: bytes accepted, not acknowledged
    std::size_t receive_window = 256 * 1024;  // per stream: bytes received or granted beyond read()
    std::size_t session_window = 2 * 1024 * 1024;  // all streams together, each direction
    /// Part of the protocol, so the same at both ends: the bytes that a stream may send before the
    /// first WINDOW. streams_max initial windows fit into session_window.
    std::size_t initial_window = 8 * 1024;
    /// Part of the protocol: the bytes that a client may send beyond its windows, all streams
    /// together, on streams that have not had a WINDOW. So an upload does not wait for its first
    /// one, which takes effect some 4 s after the OPEN. The exit buffers up to so much more.
    std::size_t ahead = 0;

    /// Limits for a session with this packet rate. The buffers hold the bytes in flight while a
    /// lost packet is detected and sent again, so that a loss does not stop a transfer. `repair`:
    /// how long that takes, until the byte is acknowledged and its window has moved on. Part of the
    /// protocol, so the same at both ends (directory::repair_time).
    static MuxLimits for_rate(double packets_per_second, base::Seconds repair);
};

/// Names a packet. Each session that carries streams counts its own packets; `carrier` names the
/// session among those of one Mux. Where there is only one, the number suffices.
struct PacketName {
    PacketName(PacketNumber counts) : number{counts} {}
    PacketName(std::uint32_t of, PacketNumber counts) : carrier{of}, number{counts} {}
    std::uint32_t carrier = 0;
    PacketNumber number;
    auto operator<=>(const PacketName&) const = default;
};

class Mux {
 public:
    explicit Mux(Side side, MuxLimits limits = {});
    ~Mux();
    Mux(Mux&&) noexcept;
    Mux& operator=(Mux&&) noexcept;

    // --- the application's side; calls for unknown and ended streams have no effect ---
    /// Client only: open() has a place for a further stream.
    bool has_place() const;
    /// Client only. Returns nullopt without a place, or if the target is malformed.
    /// Bytes may be written before `accepted`; the exit keeps them for its target.
    std::optional<StreamId> open(const Target& target);
    /// Exit only: the connection for `opened` is established.
    void accept(StreamId stream);
    /// Accepts as many bytes as there is room for, and returns their number. After a short write,
    /// or after writable() returned 0, a `writable` event announces new room.
    std::size_t write(StreamId stream, base::ByteView bytes);
    std::size_t writable(StreamId stream) const;
    /// Moves up to out.size() bytes to `out` and returns their number. The peer's window opens by
    /// as much.
    std::size_t read(StreamId stream, base::ByteSpan out);
    std::size_t readable(StreamId stream) const;
    /// Sends no more bytes: a FIN with the final offset follows. Reading continues.
    void finish(StreamId stream);
    /// Reads no more: unread bytes are lost, and the peer learns that it will not be read. Writing
    /// continues.
    void stop(StreamId stream, ResetReason reason);
    /// Ends both directions of the stream; unread bytes are lost. The bytes that write() accepted
    /// are good: they still arrive, before the end does. After finish() the end stays orderly. A
    /// client's stream that was never accepted is withdrawn, bytes included. No event follows at
    /// this end.
    void reset(StreamId stream, ResetReason reason);
    /// Exit only. Resets the streams that were not opened at the last call and are not opened yet:
    /// their bytes have come, and their OPEN has not for longer than between two calls.
    void reset_unopened(ResetReason reason);
    /// Resets every stream as if the peer had done so, without its unread bytes: `reset` events
    /// follow. For the end of a session.
    void reset_all(ResetReason reason);
    /// Client only. A ping is sent once and never again: its loss is the information that it gives.
    void ping(std::uint64_t nonce);
    /// The events since the last call, oldest first. Call it after every receive().
    std::vector<Event> take_events();
    bool unused() const;    // there never was a stream, and there is nothing to send
    bool idle() const;      // no stream and nothing to send
    bool has_data() const;  // fill() would write something if there is room
    std::size_t streams() const;
    /// The memory of all streams in bytes, buffers included.
    std::size_t memory() const;

    // --- the packets' side ---
    /// Writes frames into `room` and records that this packet carries them. Returns the bytes
    /// used; the rest of `room` is zeroed. Streams take turns packet by packet, so none starves. If
    /// `pings` is given, the nonces of the pings in the packet are appended to it. Precondition: no
    /// name is used twice.
    std::size_t fill(PacketName packet, base::ByteSpan room,
                     std::vector<std::uint64_t>* pings = nullptr);
    /// The packet has arrived: its frames are done. Or it is lost: its frames go into later
    /// packets.
    void acknowledged(PacketName packet);
    void lost(PacketName packet);
    /// The session carries no more: what its packets hold without an ack goes into other sessions'
    /// packets, and what it brought unsettled does not count. Precondition: the peer acknowledges
    /// no packet of this session from now on, and it gets no further ack for its own.
    void carrier_ended(std::uint32_t carrier);
    /// Client only. The streams that the peer has not accepted and whose OPEN is in a packet of
    /// this session that is neither acknowledged nor lost.
    std::vector<StreamId> opening_in(std::uint32_t carrier) const;
    /// Processes the frames of a packet that arrived; duplicates are harmless. Precondition: they
    /// were checked for this side.
    void receive(const CheckedFrames& frames);
    /// The same for a client, whose packets must not show when a packet arrived: applications get
    /// all that it brings at once, but what fill() writes does not change before settle(packet).
    /// If it does not count, because the peer takes the packet for lost and sends it again, only
    /// the end of a stream whose peer broke a rule will take effect.
    void receive(const CheckedFrames& frames, PacketName packet, bool counts);
    /// receive() holds something back for this packet.
    bool holds_back(PacketName packet) const;
    /// What receive() held back for this packet takes effect, if there is any. `counts`: as there.
    void settle(PacketName packet, bool counts);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::stream
