// The bytes of a stream between two offsets, in a ring buffer. It grows by doubling and frees its
// memory when it becomes empty, so adding and dropping bytes costs little more than the copy. Pure;
// one thread.
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

    /// The caller limits how many bytes the ring holds.
    void append(base::ByteView bytes);
    /// Precondition: begin() <= offset and offset + out.size() <= end().
    void copy(std::uint64_t offset, base::ByteSpan out) const;
    /// Drops the bytes before `offset`. Precondition: begin() <= offset <= end().
    void drop_to(std::uint64_t offset);
    /// Drops everything.
    void clear();

 private:
    void reserve(std::size_t size);

    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    base::Bytes store_;  // offset o is at index o mod size; size is a power of two
};

}  // namespace nightjar::stream
