// One direction of a stream at its sender: bytes accepted and not yet acknowledged, and which of
// them are to be sent, or sent again. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sphinx/stream/byte_ring.hpp"
#include "sphinx/stream/range_set.hpp"

namespace nightjar::stream {

class SendHalf {
 public:
    explicit SendHalf(std::uint64_t initial_window) : limit_{initial_window} {}

    void append(base::ByteView bytes) { ring_.append(bytes); }
    /// Raises the peer's window; it never shrinks.
    void allow(std::uint64_t max_offset) { limit_ = std::max(limit_, max_offset); }

    /// The next range to send, at most `room` bytes: lost bytes before new ones. Empty if nothing
    /// may be sent. New bytes reach at most `ahead` bytes beyond the window.
    Range next(std::size_t room, std::uint64_t ahead = 0) const;
    /// Precondition: `range` comes from next(), and `out` has the same length.
    void copy(Range range, base::ByteSpan out) const { ring_.copy(range.begin, out); }
    /// `range`, as returned by next(), was put into a packet.
    void sent(Range range);

    void acknowledged(Range range);
    void lost(Range range);

    /// The end of the bytes sent so far; the final offset of a FIN.
    std::uint64_t sent_end() const { return sent_end_; }
    /// The end of the bytes accepted so far.
    std::uint64_t end() const { return ring_.end(); }
    /// buffered(): the bytes accepted and not acknowledged. memory(): the memory that they use.
    std::size_t buffered() const { return ring_.size(); }
    std::size_t memory() const { return ring_.memory(); }
    /// The bytes beyond the window that were ever sent. clear() does not change it.
    std::uint64_t ahead() const { return reach_ - std::min(reach_, limit_); }
    std::uint64_t limit() const { return limit_; }
    bool all_sent() const { return lost_.empty() && sent_end_ == ring_.end(); }
    bool all_acknowledged() const { return ring_.size() == 0; }
    /// Drops every byte: nothing is left to send.
    void clear();

 private:
    ByteRing ring_;   // begins at the first unacknowledged byte
    RangeSet acked_;  // acknowledged after a gap
    RangeSet lost_;   // to be sent again
    std::uint64_t sent_end_ = 0;
    std::uint64_t reach_ = 0;  // the end of the bytes that were ever sent
    std::uint64_t limit_;
};

}  // namespace nightjar::stream
