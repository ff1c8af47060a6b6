#include "sphinx/base/codec.hpp"

#include <algorithm>

namespace nightjar::base {

ByteView Reader::bytes(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    const auto taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
}

void Reader::into(ByteSpan out) {
    const auto taken = bytes(out.size());
    std::copy(taken.begin(), taken.end(), out.begin());
}

std::uint64_t Reader::integer(std::size_t width) {
    std::uint64_t value = 0;
    for (const auto byte : bytes(width))
        value = value << 8 | byte;
    return value;
}

bool Writer::claim(std::size_t n) {
    if (!ok_ || n > remaining()) ok_ = false;
    return ok_;
}

void Writer::bytes(ByteView value) {
    if (!claim(value.size())) return;
    std::copy(value.begin(), value.end(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
    written_ += value.size();
}

void Writer::zeros(std::size_t n) {
    if (!claim(n)) return;
    std::fill_n(out_.begin() + static_cast<std::ptrdiff_t>(written_), n, std::uint8_t{0});
    written_ += n;
}

void Writer::integer(std::uint64_t value, std::size_t width) {
    if (!claim(width)) return;
    for (std::size_t i = 0; i < width; ++i) {
        out_[written_ + i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
    }
    written_ += width;
}

}  // namespace nightjar::base
