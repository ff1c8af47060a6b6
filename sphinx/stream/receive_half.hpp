// One direction of a stream at its receiver: bytes that arrived in any order, until they are read
// in order. The bytes lie in small pages, and only pages in which a byte arrived take memory: a
// byte far ahead of the others costs one page, not the distance. One bit per byte records its
// arrival, so that a hostile peer that sends single bytes costs only an eighth more. Pure; one
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "sphinx/base/bytes.hpp"

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

    std::size_t readable() const { return static_cast<std::size_t>(in_order_ - read_); }
    std::size_t read(base::ByteSpan out);
    /// True if every byte up to the final offset has been read.
    bool finished() const { return final_ && *final_ == read_; }

    std::uint64_t read_end() const { return read_; }
    /// The number of unread bytes that the peer may make this object hold.
    std::uint64_t granted() const {
        return (final_ ? std::min(*final_, window_end_) : window_end_) - read_;
    }
    /// In bytes, bookkeeping included.
    std::size_t memory() const { return pages_.size() * page_memory; }
    /// True if the peer has set a final offset, and it is at most `offset`.
    bool ends_by(std::uint64_t offset) const { return final_ && *final_ <= offset; }
    std::uint64_t window_end() const { return window_end_; }
    void open_window_to(std::uint64_t end) { window_end_ = std::max(window_end_, end); }

 private:
    static constexpr std::size_t page_size = 512;
    struct Page {
        std::array<std::uint8_t, page_size> bytes{};
        std::array<std::uint64_t, page_size / 64> here{};  // bit i: byte i has arrived

        bool has(std::size_t at) const { return (here[at / 64] >> (at % 64) & 1) != 0; }
        bool agrees(std::size_t at, base::ByteView with) const;
        void put(std::size_t at, base::ByteView from);
    };
    // A node of the map has three pointers and a colour, and the allocator adds up to 16 bytes.
    static constexpr std::size_t page_memory =
        sizeof(std::pair<const std::uint64_t, Page>) + 4 * sizeof(void*) + 16;

    void advance();

    std::map<std::uint64_t, Page> pages_;  // offset o is byte o mod page_size of page o / page_size
    std::uint64_t read_ = 0;               // the first unread byte
    std::uint64_t in_order_ = 0;           // all bytes before it have arrived
    std::uint64_t end_ = 0;                // no byte from it on has arrived
    std::optional<std::uint64_t> final_;
    std::uint64_t window_end_;
};

}  // namespace nightjar::stream
