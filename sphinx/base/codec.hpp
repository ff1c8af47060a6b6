// Bounds-checked reading and writing of big-endian integers and byte fields. Every format of this
// project uses these two classes, so that no parser does its own arithmetic on lengths.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// Reads from a view that must outlive it. After the first read past the end every read returns
/// zeros and ok() stays false, so callers check once, at the end.
class Reader {
 public:
    explicit Reader(ByteView bytes) : rest_{bytes} {}

    std::uint8_t u8() { return integer<std::uint8_t>(); }
    std::uint16_t u16() { return integer<std::uint16_t>(); }
    std::uint32_t u32() { return integer<std::uint32_t>(); }
    std::uint64_t u64() { return integer<std::uint64_t>(); }
    /// The next n bytes, or an empty view if fewer are left.
    ByteView bytes(std::size_t n) {
        if (!ok_ || n > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.first(n);
        rest_ = rest_.subspan(n);
        return taken;
    }
    /// Fills `out` completely, or leaves it unchanged.
    void into(ByteSpan out) {
        const auto taken = bytes(out.size());
        std::copy(taken.begin(), taken.end(), out.begin());
    }

    bool ok() const { return ok_; }
    std::size_t remaining() const { return rest_.size(); }
    bool finished() const { return ok_ && rest_.empty(); }

 private:
    // The width is a compile-time constant, for speed: the headers of every packet are read and
    // written field by field.
    template <class T>
    T integer() {
        const auto taken = bytes(sizeof(T));
        if (taken.empty()) return 0;
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value = value << 8 | taken[i];
        return static_cast<T>(value);
    }

    ByteView rest_;
    bool ok_ = true;
};

/// Writes into a span that must outlive it. After the first overrun ok() stays false and nothing
/// more is written.
class Writer {
 public:
    explicit Writer(ByteSpan out) : out_{out} {}

    void u8(std::uint8_t value) { integer(value); }
    void u16(std::uint16_t value) { integer(value); }
    void u32(std::uint32_t value) { integer(value); }
    void u64(std::uint64_t value) { integer(value); }
    void bytes(ByteView value) {
        const auto out = claim(value.size());
        std::copy_n(value.begin(), out.size(), out.begin());
    }
    void zeros(std::size_t n) {
        const auto out = claim(n);
        std::fill(out.begin(), out.end(), std::uint8_t{0});
    }

    bool ok() const { return ok_; }
    std::size_t written() const { return written_; }
    std::size_t remaining() const { return out_.size() - written_; }

 private:
    template <class T>
    void integer(T value) {
        const auto out = claim(sizeof(T));
        if (out.empty()) return;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            out[i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * (sizeof(T) - 1 - i)));
    }
    /// Reserves the next n bytes of the output; empty if they do not fit.
    ByteSpan claim(std::size_t n) {
        if (!ok_ || n > remaining()) {
            ok_ = false;
            return {};
        }
        written_ += n;
        return out_.subspan(written_ - n, n);
    }

    ByteSpan out_;
    std::size_t written_ = 0;
    bool ok_ = true;
};

}  // namespace nightjar::base
