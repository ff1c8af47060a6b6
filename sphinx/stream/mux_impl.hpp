// The implementation of Mux, shared by its three source files: mux.cpp is the application's side,
// mux_send.cpp fills packets, mux_receive.cpp processes received ones.
//
// Each direction of a stream ends by itself. At its sender:
//
//   open --finish()--> FIN -------------> every byte and the FIN acknowledged
//   open --reset()---> RESET, STOP -----> every good byte and the RESET acknowledged
//   any  --the peer's RESET or STOP-----> over at once: the rest is not read
//
// and at its receiver:
//
//   open --FIN---------> `finished` when all is read
//   open --RESET-------> `stopped` now, `reset` when all good bytes are read
//   open --we stop------> over when the peer has acknowledged our STOP or RESET
//
// A stream is forgotten when both directions are over. reset() after finish() sends a STOP and no
// RESET: the FIN stands.
//
// A frame that arrives does two things. What it brings goes to the application at once. What it
// changes in the packets that we send (an Effect) waits until the caller settles its packet; at the
// exit that is at once too. So state that fill() reads changes in settle() and in the application's
// calls only.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "sphinx/stream/id_window.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/receive_half.hpp"
#include "sphinx/stream/send_half.hpp"
#include "sphinx/stream/turns.hpp"

namespace nightjar::stream {

/// The state of a frame that is sent until it is acknowledged.
//
//   none -> due -> in_flight -> done
//            ^---- lost ---'
enum class Delivery { none, due, in_flight, done };

struct StreamState {
    StreamState(Side side, std::uint64_t initial_window)
        : at_once{side == Side::exit},
          send{initial_window},
          receive{initial_window},
          told{initial_window} {}

    const bool at_once;  // what arrives is settled at once, and need not be recorded twice

    Target target;  // at the client, for OPEN
    SendHalf send;
    Turn turn;
    ReceiveHalf receive;
    std::uint64_t told;  // the window that we have told the peer; it may have sent ahead of it
    Delivery hello = Delivery::none;  // OPEN or RESOLVE at a client, ACCEPT at an exit
    Delivery fin = Delivery::none;
    Delivery rst = Delivery::none;
    Delivery window = Delivery::none;
    Delivery stop = Delivery::none;
    ResetReason reason = ResetReason::cancelled;  // in our RESET or STOP
    std::uint64_t good = 0;                       // in our RESET: our bytes are good up to it
    std::optional<ResetReason> peer_reset;  // the peer's, while its good bytes are not all read
    bool over = false;          // the application was told the end, and can do nothing more
    bool told_stopped = false;  // the application was told that the peer reads no more
    // What settled packets brought:
    std::uint64_t settled_end = 0;               // all bytes before it
    RangeSet settled;                            // bytes behind a gap
    std::optional<std::uint64_t> settled_final;  // the peer's final offset
    bool peer_stopped = false;                   // the peer reads no more
    bool peer_reset_settled = false;
    bool known = false;             // exit: OPEN has arrived; client: ACCEPT has arrived
    bool awaited = false;           // exit: was not opened at the last reset_unopened()
    bool dead = false;              // our application has reset it
    bool finishing = false;         // finish() was called
    bool finished_emitted = false;  // the `finished` event was emitted
    bool wants_room = false;        // a `writable` event is pending
    bool readable_emitted = false;  // a `readable` event is in `events`

    /// We read no more: what arrives is discarded.
    bool deaf() const { return dead || stop != Delivery::none; }
    /// Our application can send no more.
    bool mute() const { return dead || over || finishing || told_stopped; }
    /// All that the peer sends has arrived in settled packets.
    bool settled_all() const { return at_once || (settled_final && *settled_final == settled_end); }
    /// The peer can send all that is left without a wider window, and knows it.
    bool window_suffices() const {
        if (at_once) return receive.ends_by(told);
        return settled_final && *settled_final <= receive.window_end();
    }
    void settle_bytes(Range range);
    /// The offset that our window counts from: read, and settled.
    std::uint64_t window_begin() const {
        if (at_once) return receive.read_end();
        return over ? settled_end : std::min(receive.read_end(), settled_end);
    }
    /// The bytes behind window_begin() that the peer may send.
    std::uint64_t granted() const;
    /// We have told the peer so, by a RESET that ends our bytes too.
    bool resetting() const { return rst != Delivery::none; }
};

/// A frame in a sent packet that must be sent again if the packet is lost.
struct SentFrame {
    FrameType type;
    StreamId stream;
    Range range;  // data: the bytes; window: range.begin is the max offset
};

/// What a frame that has arrived changes in the packets that we send.
struct Effect {
    enum class Kind {
        data,    // the bytes of `range` are here
        fin,     // the final offset is range.begin
        window,  // the stream may send up to range.begin
        stop,    // the peer reads no more
        reset,   // and sends nothing behind range.begin
        kill,    // the peer broke a rule
        forget,  // the peer's RESET contradicts what it sent
    };
    Kind kind;
    StreamId stream;
    Range range{};
    ResetReason reason = ResetReason::protocol_error;  // of kill
};

struct Mux::Impl {
    Impl(Side side_of, MuxLimits limits_of);

    Side side;
    MuxLimits limits;
    std::map<StreamId, StreamState> streams;
    StreamId last_id = 0;  // client: the newest id
    IdWindow used_ids;     // exit
    Turns turns;
    std::deque<std::uint64_t> pings;  // nonces to send; PONGs at the exit
    std::vector<Event> events;
    std::map<PacketName, std::vector<SentFrame>> in_flight;
    std::vector<Effect>* later = nullptr;  // where effects wait; nullptr: they happen at once
    std::map<PacketName, std::vector<Effect>> unsettled;

    std::size_t buffered = 0;  // sum of bytes in all send halves
    // taken(), kept from the first byte ahead in a packet to the end of this packet: a hostile
    // packet has some 290 such bytes, and each would visit up to 512 streams.
    std::optional<std::uint64_t> packet_taken;

    // mux.cpp
    StreamState* find(StreamId id);
    std::size_t room_for(const StreamState& stream) const;
    void emit(StreamId id, Event::Kind kind);
    void emit_writable();
    /// Extends the windows of all streams by what the session can spare.
    void extend_windows();
    /// What a stream holds of the session's window beyond its initial one.
    std::uint64_t extra(const StreamState& stream) const;
    std::uint64_t extra(StreamId id) const;
    /// What all streams hold of it, with all initial windows.
    std::uint64_t taken() const;
    /// Client: the bytes that all streams have sent beyond their windows, and what one of them may.
    std::uint64_t sent_ahead() const;
    std::uint64_t ahead_of(const StreamState& stream, std::uint64_t all) const;
    /// Exit: the client has sent up to `end`. Returns false if that is more than all streams of the
    /// session may hold; the caller then ends the stream.
    bool take_ahead(StreamState& stream, std::uint64_t end);
    bool extend_window(StreamState& stream, std::uint64_t taken);
    /// Ends a stream at this end. What we have accepted stays good and is still sent.
    void kill(StreamState& stream, ResetReason reason);
    /// Reads no more: drops what has arrived.
    void deafen(StreamState& stream);
    /// Sends no more: the peer does not read.
    void drop_unsent(StreamState& stream);
    void forget_if_done(StreamId id);

    // mux_send.cpp
    bool control_due(const StreamState& stream) const;
    bool hello_due(const StreamState& stream) const;
    bool fin_due(const StreamState& stream) const;
    void fill_pings(base::Writer& writer, std::vector<std::uint64_t>* sent);
    void fill_control(StreamId id, StreamState& stream, base::Writer& writer,
                      std::vector<SentFrame>& sent);
    using StreamEntry = std::pair<const StreamId, StreamState>;
    /// The streams that have data to send, in the order of their turns.
    std::vector<StreamEntry*> data_order();
    /// Returns the bytes written.
    std::size_t fill_data(StreamId id, StreamState& stream, std::uint64_t ahead,
                          base::Writer& writer, std::vector<SentFrame>& sent);
    void settle(PacketName packet, bool arrived);
    void settle(const SentFrame& frame, bool arrived);

    // mux_receive.cpp
    /// Processes the frames of a packet, and keeps `packet_taken` true meanwhile.
    void apply_all(const CheckedFrames& frames);
    void apply(const Frame& frame);
    void cause(Effect effect);
    void perform(const Effect& effect);
    StreamState* find_or_create(StreamId id);
    void on_open(StreamId id, StreamState& stream, const Frame& frame);
    void on_data(StreamId id, StreamState& stream, const Frame& frame);
    void on_fin(StreamId id, StreamState& stream, const Frame& frame);
    void announce_arrival(StreamId id, StreamState& stream);
    void on_reset(StreamId id, const Frame& frame);
    void on_stop(StreamId id, StreamState& stream, const Frame& frame);
    void end(StreamId id, ResetReason reason);
    void report_reset(StreamId id, ResetReason reason);
    void violated(StreamId id, StreamState& stream,
                  ResetReason reason = ResetReason::protocol_error);
};

}  // namespace nightjar::stream
