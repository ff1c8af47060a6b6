// The bytes of a stream between two offsets, in a ring that grows by doubling and gives its memory
// back when it runs empty: adding and dropping cost nothing but the copy. Pure, one thread.
#pragma once

#include <cstdint>

#include "sphinx/base/bytes.hpp"

namespace nightjar::stream {

class ByteRing {
 public:
    std::uint64_t begin() const { return begin_; }
    std::uint64_t end() const { return end_; }
    std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
    std::size_t memory() const { return store_.size(); }

    /// Writes at `offset`, which may lie past end(): the bytes between are not defined until they
    /// are written. Precondition: offset >= begin(). The caller bounds how far the ring reaches.
    void put(std::uint64_t offset, base::ByteView bytes);
    /// Precondition: begin() <= offset and offset + out.size() <= end().
    void copy(std::uint64_t offset, base::ByteSpan out) const;
    std::uint8_t at(std::uint64_t offset) const { return store_[offset & (store_.size() - 1)]; }
    /// Drops what is before `offset`. Precondition: begin() <= offset <= end().
    void drop_to(std::uint64_t offset);
    /// Drops everything.
    void clear();

 private:
    void reserve(std::size_t size);

    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    base::Bytes store_;  // offset o at o mod size; the size is a power of two
};

}  // namespace nightjar::stream
