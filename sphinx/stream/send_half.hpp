// One direction of a stream at its sender: bytes accepted and not yet acknowledged, which of them
// wait to be sent, and which wait to be sent again. Pure, one thread.
#pragma once

#include <cstdint>

#include "sphinx/stream/byte_ring.hpp"
#include "sphinx/stream/range_set.hpp"

namespace nightjar::stream {

class SendHalf {
 public:
    explicit SendHalf(std::uint64_t initial_window) : limit_{initial_window} {}

    void append(base::ByteView bytes) { ring_.put(ring_.end(), bytes); }
    /// The peer's window; it only grows.
    void allow(std::uint64_t max_offset) { limit_ = std::max(limit_, max_offset); }

    /// What to send next, at most `room` bytes: what was lost before what is new. Empty if nothing
    /// may be sent.
    Range next(std::size_t room) const;
    /// Precondition: `range` comes from next() and `out` is as long.
    void copy(Range range, base::ByteSpan out) const { ring_.copy(range.begin, out); }
    /// `range`, as next() gave it, has gone into a packet.
    void sent(Range range);

    void acknowledged(Range range);
    void lost(Range range);

    /// How far the peer has been sent; what a FIN says.
    std::uint64_t sent_end() const { return sent_end_; }
    /// Accepted and not acknowledged, in the memory that it takes.
    std::size_t buffered() const { return ring_.size(); }
    std::size_t memory() const { return ring_.memory(); }
    bool all_sent() const { return lost_.empty() && sent_end_ == ring_.end(); }
    bool all_acknowledged() const { return ring_.size() == 0; }
    void clear();

 private:
    ByteRing ring_;   // begins at the first byte that is not acknowledged
    RangeSet acked_;  // acknowledged behind a gap
    RangeSet lost_;   // to be sent again
    std::uint64_t sent_end_ = 0;
    std::uint64_t limit_;
};

}  // namespace nightjar::stream
