// One direction of a stream at its receiver: bytes that arrived in any order, until they are read
// in order. One bit per byte records its arrival, so that a hostile peer that sends single bytes
// costs only an eighth more memory. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "sphinx/stream/byte_ring.hpp"

namespace nightjar::stream {

class ReceiveHalf {
 public:
    explicit ReceiveHalf(std::uint64_t initial_window) : window_end_{initial_window} {}

    /// True if bytes up to `end` respect the window and the final offset.
    bool may_reach(std::uint64_t end) const;
    /// Stores bytes at `offset`. Returns false and stores nothing if they differ from bytes that
    /// arrived before. Precondition: may_reach(offset + bytes.size()).
    bool insert(std::uint64_t offset, base::ByteView bytes);
    /// Sets the peer's final offset. Returns false if it contradicts what has arrived.
    bool finish(std::uint64_t final_offset);
    /// The same for bytes that the peer has yet to send: the offset may lie behind the window,
    /// which still opens up to it.
    bool end_at(std::uint64_t final_offset);

    std::size_t readable() const { return static_cast<std::size_t>(in_order_ - ring_.begin()); }
    std::size_t read(base::ByteSpan out);
    /// True if every byte up to the final offset has been read.
    bool finished() const { return final_ && *final_ == ring_.begin(); }

    std::uint64_t read_end() const { return ring_.begin(); }
    /// The number of unread bytes that the peer may make this object hold.
    std::uint64_t granted() const {
        return (final_ ? std::min(*final_, window_end_) : window_end_) - ring_.begin();
    }
    std::size_t memory() const { return ring_.memory() + here_.size() * sizeof(here_[0]); }
    /// True if the peer has set a final offset, and it is at most `offset`.
    bool ends_by(std::uint64_t offset) const { return final_ && *final_ <= offset; }
    std::uint64_t window_end() const { return window_end_; }
    void open_window_to(std::uint64_t end) { window_end_ = std::max(window_end_, end); }

 private:
    bool has(std::uint64_t offset) const;
    /// Calls each(word index, mask) for each word of the bit ring that overlaps [begin, end).
    template <class Each>
    void for_words(std::uint64_t begin, std::uint64_t end, Each each) const;
    void reserve_bits(std::uint64_t end);
    void advance();

    ByteRing ring_;                    // begins at the first unread byte
    std::vector<std::uint64_t> here_;  // offset o is bit o mod (64 x size); size is a power of two
    std::uint64_t in_order_ = 0;       // all bytes before it have arrived
    std::optional<std::uint64_t> final_;
    std::uint64_t window_end_;
};

}  // namespace nightjar::stream
