// Bounded reading and writing of big-endian integers and byte fields: every format of ours goes
// through these two, so that no parser does arithmetic on lengths of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// Reads from a view that must outlive it. The first read past the end makes it fail for good:
/// from then on every read yields zeros and ok() is false, so callers check once, at the end.
class Reader {
 public:
    explicit Reader(ByteView bytes) : rest_{bytes} {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(integer(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(integer(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(integer(4)); }
    std::uint64_t u64() { return integer(8); }
    /// The next n bytes, or an empty view if fewer are left.
    ByteView bytes(std::size_t n);
    /// Fills `out` whole, or leaves it as it was.
    void into(ByteSpan out);

    bool ok() const { return ok_; }
    std::size_t remaining() const { return rest_.size(); }
    bool finished() const { return ok_ && rest_.empty(); }

 private:
    std::uint64_t integer(std::size_t width);

    ByteView rest_;
    bool ok_ = true;
};

/// Writes into a span that must outlive it. Like Reader it fails for good at the first overrun
/// and writes nothing from there on.
class Writer {
 public:
    explicit Writer(ByteSpan out) : out_{out} {}

    void u8(std::uint8_t value) { integer(value, 1); }
    void u16(std::uint16_t value) { integer(value, 2); }
    void u32(std::uint32_t value) { integer(value, 4); }
    void u64(std::uint64_t value) { integer(value, 8); }
    void bytes(ByteView value);
    void zeros(std::size_t n);

    bool ok() const { return ok_; }
    std::size_t written() const { return written_; }
    std::size_t remaining() const { return out_.size() - written_; }

 private:
    void integer(std::uint64_t value, std::size_t width);
    bool claim(std::size_t n);

    ByteSpan out_;
    std::size_t written_ = 0;
    bool ok_ = true;
};

}  // namespace nightjar::base
