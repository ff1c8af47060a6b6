// The inside of Mux: what its three source files share. mux.cpp is the application's side,
// mux_send.cpp fills packets, mux_receive.cpp takes them.
#pragma once

#include <deque>
#include <map>

#include "sphinx/stream/id_window.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/receive_half.hpp"
#include "sphinx/stream/send_half.hpp"

namespace nightjar::stream {

/// Where a frame stands that is sent until it is acknowledged.
//
//   none -> due -> in_flight -> done
//            ^---- lost ---'
enum class Delivery { none, due, in_flight, done };

struct StreamState {
    explicit StreamState(std::uint64_t initial_window)
        : send{initial_window}, receive{initial_window} {}

    Target target;  // the client's, for OPEN
    SendHalf send;
    ReceiveHalf receive;
    Delivery hello = Delivery::none;  // OPEN of a client, ACCEPT of an exit
    Delivery fin = Delivery::none;
    Delivery rst = Delivery::none;
    Delivery window = Delivery::none;
    ResetReason reason = ResetReason::cancelled;
    bool known = false;          // exit: OPEN has arrived; client: ACCEPT has
    bool dead = false;           // reset by us; kept until the peer knows
    bool finishing = false;      // finish() was called
    bool finished_told = false;  // the `finished` event was given out
    bool wants_room = false;     // a `writable` event is owed
    bool readable_told = false;  // a `readable` event waits in events_
};

/// A frame that a packet carries and that matters if the packet is lost.
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
    StreamId last_id = 0;  // client: the newest id
    IdWindow used_ids;     // exit
    StreamId turn = 0;     // the stream that sent data last; the next one's turn comes first
    std::deque<std::uint64_t> pings;  // to be sent, PONGs at the exit
    std::vector<Event> events;
    std::map<PacketNumber, std::vector<SentFrame>> in_flight;

    std::size_t buffered = 0;  // bytes in all send halves

    // mux.cpp
    StreamState* find(StreamId id);
    std::size_t room_for(const StreamState& stream) const;
    void tell(StreamId id, Event::Kind kind);
    void tell_writable();
    /// Grants the peer what the session can spare for this stream.
    void extend_window(StreamState& stream);
    /// Ends a stream at this end: its buffers go, and RST is due.
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
    void tell_of_arrival(StreamId id, StreamState& stream);
    void on_reset(StreamId id, const Frame& frame);
    void violated(StreamId id, StreamState& stream);
};

}  // namespace nightjar::stream
