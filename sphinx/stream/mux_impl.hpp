// The implementation of Mux, shared by its three source files: mux.cpp is the application's side,
// mux_send.cpp fills packets, mux_receive.cpp processes received ones.
#pragma once

#include <deque>
#include <map>

#include "sphinx/stream/id_window.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/receive_half.hpp"
#include "sphinx/stream/send_half.hpp"

namespace nightjar::stream {

/// The state of a frame that is sent until it is acknowledged.
//
//   none -> due -> in_flight -> done
//            ^---- lost ---'
enum class Delivery { none, due, in_flight, done };

struct StreamState {
    explicit StreamState(std::uint64_t initial_window)
        : send{initial_window}, receive{initial_window} {}

    Target target;  // at the client, for OPEN
    SendHalf send;
    ReceiveHalf receive;
    Delivery hello = Delivery::none;  // OPEN at a client, ACCEPT at an exit
    Delivery fin = Delivery::none;
    Delivery rst = Delivery::none;
    Delivery window = Delivery::none;
    ResetReason reason = ResetReason::cancelled;
    bool known = false;             // exit: OPEN has arrived; client: ACCEPT has arrived
    bool dead = false;              // we reset it; kept until the peer acknowledges
    bool finishing = false;         // finish() was called
    bool finished_emitted = false;  // the `finished` event was emitted
    bool wants_room = false;        // a `writable` event is pending
    bool readable_emitted = false;  // a `readable` event is in `events`
};

/// A frame in a sent packet that must be sent again if the packet is lost.
struct SentFrame {
    FrameType type;
    StreamId stream;
    Range range;  // data: the bytes; window: range.begin is the max offset
};

struct Mux::Impl {
    Impl(Side side_of, MuxLimits limits_of);

    Side side;
    MuxLimits limits;
    std::map<StreamId, StreamState> streams;
    StreamId last_id = 0;             // client: the newest id
    IdWindow used_ids;                // exit
    StreamId turn = 0;                // the stream that sent data last; the next one is first
    std::deque<std::uint64_t> pings;  // nonces to send; PONGs at the exit
    std::vector<Event> events;
    std::map<PacketNumber, std::vector<SentFrame>> in_flight;

    std::size_t buffered = 0;  // sum of bytes in all send halves

    // mux.cpp
    StreamState* find(StreamId id);
    std::size_t room_for(const StreamState& stream) const;
    void emit(StreamId id, Event::Kind kind);
    void emit_writable();
    /// Extends the stream's window by what the session can spare.
    void extend_window(StreamState& stream);
    /// Ends a stream at this end: frees its buffers and schedules a RST.
    void kill(StreamState& stream, ResetReason reason);
    void forget_if_done(StreamId id);

    // mux_send.cpp
    bool control_due(const StreamState& stream) const;
    bool fin_due(const StreamState& stream) const;
    Range data_due(const StreamState& stream, std::size_t room) const;
    void fill_pings(base::Writer& writer, std::vector<std::uint64_t>* sent);
    void fill_control(StreamId id, StreamState& stream, base::Writer& writer,
                      std::vector<SentFrame>& sent);
    void fill_data(StreamId id, StreamState& stream, base::Writer& writer,
                   std::vector<SentFrame>& sent);
    void settle(PacketNumber number, bool arrived);
    void settle(const SentFrame& frame, bool arrived);

    // mux_receive.cpp
    void apply(const Frame& frame);
    StreamState* find_or_create(StreamId id);
    void on_open(StreamId id, StreamState& stream, const Frame& frame);
    void on_data(StreamId id, StreamState& stream, const Frame& frame);
    void on_fin(StreamId id, StreamState& stream, const Frame& frame);
    void announce_arrival(StreamId id, StreamState& stream);
    void on_reset(StreamId id, const Frame& frame);
    void violated(StreamId id, StreamState& stream);
};

}  // namespace nightjar::stream
