// A state machine for one socket and one stream that copy bytes to each other, at a client and at
// an exit alike. It takes each event of the two and returns what to do.
//
//   in: socket to stream                     out: stream to socket
//
//   open --socket_ended----> ended: finish   open --stream_finished--> ended: shut_down
//   open --stream_stopped--> unwanted        open --write_failed, --> failed: stop
//                                                   write_broke
//
//   in \ out |  open          ended           failed
//   ---------+------------------------------------------------
//   open     |  relaying      half-closed     half-closed
//   ended    |  half-closed   over: close     over: close
//   unwanted |  half-closed   draining        over: reset, abort
//
//   stream_reset                  -> draining (over: abort, if a write has failed)
//   draining  --drained, expired  -> over: abort
//   socket_broke, and socket_ended behind write_broke
//                                 -> over: reset, abort
//   expired, but not draining     -> over: reset, abort
//
// The rules behind it: the failure of one direction ends only that direction. A stream's end
// reaches the socket behind its bytes: so the caller reports stream_finished and stream_reset only
// when it has written all that it read from the stream, and while draining it waits until the
// kernel has sent all, because an abort discards what the kernel still holds. Only an end that the
// other side asked for is orderly; one that is forced is an abort (a TCP reset).
//
// Pure: no socket, no clock. One thread.
#pragma once

namespace nightjar::stream {

class ByteRelay {
 public:
    enum class Input {
        socket_ended,     // end of file
        socket_broke,     // a read failed
        write_failed,     // a write failed, because the other side reads no more
        write_broke,      // a write failed in another way: an end of file behind it is not one
        stream_finished,  // Event::finished, and all bytes are written
        stream_stopped,   // Event::stopped
        stream_reset,     // Event::reset, and all bytes are written
        drained,          // the kernel has sent every byte
        expired,          // a deadline has passed
    };
    /// What to do, in this order.
    struct Actions {
        bool finish = false;     // the stream: no more bytes follow
        bool stop = false;       // the stream: nothing more is read
        bool reset = false;      // the stream: both
        bool shut_down = false;  // the socket: no more bytes follow
        bool drain = false;      // wait for `drained`, or for `expired`
        bool close = false;      // the socket, orderly
        bool abort = false;      // the socket, by a reset
        bool operator==(const Actions&) const = default;
    };

    /// After over() nothing follows.
    Actions on(Input input);

    /// Bytes are read from the socket for the stream; or only to be discarded.
    bool reads() const { return !over_ && !draining_ && in_ == In::open; }
    bool discards() const {
        return !over_ && !end_of_file_ && (in_ == In::unwanted || (draining_ && in_ == In::open));
    }
    /// Bytes of the stream are written to the socket.
    bool writes() const { return !over_ && !draining_ && out_ == Out::open; }
    /// One direction has ended: if nothing moves for long, the other must be ended too.
    bool half_closed() const { return !over_ && (in_ != In::open || out_ != Out::open); }
    bool draining() const { return !over_ && draining_; }
    bool over() const { return over_; }

 private:
    enum class In { open, ended, unwanted };
    enum class Out { open, ended, failed };

    void settle(Actions& actions);

    In in_ = In::open;
    Out out_ = Out::open;
    bool broken_ = false;       // write_broke
    bool end_of_file_ = false;  // the socket has no more to read
    bool draining_ = false;
    bool over_ = false;
};

}  // namespace nightjar::stream
