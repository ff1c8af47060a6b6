// One direction of a stream at its receiver: bytes that arrived, in any order, until they are read
// in order. A bit per byte says what is here, so that a hostile sender of single bytes costs an
// eighth more memory and no more. Pure, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sphinx/stream/byte_ring.hpp"

namespace nightjar::stream {

class ReceiveHalf {
 public:
    explicit ReceiveHalf(std::uint64_t initial_window) : window_end_{initial_window} {}

    /// Whether bytes up to `end` keep to the window and the final offset.
    bool may_reach(std::uint64_t end) const;
    /// Takes bytes at `offset`. False if they differ from what arrived before; nothing is taken
    /// then. Precondition: may_reach(offset + bytes.size()).
    bool insert(std::uint64_t offset, base::ByteView bytes);
    /// The peer's final offset. False if it contradicts what is known.
    bool finish(std::uint64_t final_offset);

    std::size_t readable() const { return static_cast<std::size_t>(in_order_ - ring_.begin()); }
    std::size_t read(base::ByteSpan out);
    /// Every byte up to the final offset has been read.
    bool finished() const { return final_ && *final_ == ring_.begin(); }

    std::uint64_t read_end() const { return ring_.begin(); }
    /// How many unread bytes the peer may still make this hold.
    std::uint64_t granted() const { return (final_ ? *final_ : window_end_) - ring_.begin(); }
    std::size_t memory() const { return ring_.memory() + here_.size() * sizeof(here_[0]); }
    bool has_final_offset() const { return final_.has_value(); }
    std::uint64_t window_end() const { return window_end_; }
    void open_window_to(std::uint64_t end) { window_end_ = std::max(window_end_, end); }

 private:
    bool has(std::uint64_t offset) const;
    /// Calls each(word index, mask) for the words of the bit ring that hold [begin, end).
    template <class Each>
    void for_words(std::uint64_t begin, std::uint64_t end, Each each) const;
    void reserve_bits(std::uint64_t end);
    void advance();

    ByteRing ring_;                    // begins at the first byte that is not read
    std::vector<std::uint64_t> here_;  // offset o at bit o mod (64 x size), a power of two
    std::uint64_t in_order_ = 0;       // everything before it is here
    std::optional<std::uint64_t> final_;
    std::uint64_t window_end_;
};

}  // namespace nightjar::stream
