#include "sphinx/stream/receive_half.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace nightjar::stream {

namespace {

constexpr std::size_t words_min = 64;  // 4096 bytes

}  // namespace

template <class Each>
void ReceiveHalf::for_words(std::uint64_t begin, std::uint64_t end, Each each) const {
    while (begin < end) {
        const auto shift = begin % 64;
        const auto n = std::min<std::uint64_t>(64 - shift, end - begin);
        const auto ones = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
        each(static_cast<std::size_t>(begin / 64 & (here_.size() - 1)), ones << shift);
        begin += n;
    }
}

bool ReceiveHalf::has(std::uint64_t offset) const {
    if (offset < in_order_) return true;
    if (offset >= ring_.end()) return false;
    return (here_[offset / 64 & (here_.size() - 1)] >> (offset % 64) & 1) != 0;
}

bool ReceiveHalf::may_reach(std::uint64_t end) const {
    return end <= window_end_ && (!final_ || end <= *final_);
}

/// The bits for [in_order_, end) are stored; all others are zero.
void ReceiveHalf::reserve_bits(std::uint64_t end) {
    // One extra word, because the range may start and end inside a word.
    const auto words = static_cast<std::size_t>((end - in_order_) / 64 + 2);
    if (words <= here_.size()) return;
    std::vector<std::uint64_t> grown(std::max(words_min, std::bit_ceil(words)));
    for_words(in_order_, ring_.end(), [&, at = in_order_ / 64](std::size_t i, auto mask) mutable {
        grown[at++ & (grown.size() - 1)] |= here_[i] & mask;
    });
    here_ = std::move(grown);
}

bool ReceiveHalf::insert(std::uint64_t offset, base::ByteView bytes) {
    const auto end = offset + bytes.size();
    assert(may_reach(end));
    // Bytes already read are gone and cannot be compared.
    if (end <= ring_.begin()) return true;
    if (offset < ring_.begin()) {
        bytes = bytes.subspan(static_cast<std::size_t>(ring_.begin() - offset));
        offset = ring_.begin();
    }
    bool overlap = offset < in_order_;
    if (!overlap && offset < ring_.end()) {
        for_words(offset, std::min(end, ring_.end()),
                  [&](std::size_t i, auto mask) { overlap = overlap || (here_[i] & mask) != 0; });
    }
    if (overlap) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (has(offset + i) && ring_.at(offset + i) != bytes[i]) return false;
        }
    }
    if (end <= in_order_) return true;
    reserve_bits(std::max(end, ring_.end()));
    ring_.put(offset, bytes);
    for_words(std::max(offset, in_order_), end,
              [this](std::size_t i, auto mask) { here_[i] |= mask; });
    advance();
    return true;
}

/// Advances in_order_ over the bytes that have arrived, and clears their bits.
void ReceiveHalf::advance() {
    while (in_order_ < ring_.end()) {
        auto& word = here_[in_order_ / 64 & (here_.size() - 1)];
        const auto shift = in_order_ % 64;
        const auto run = static_cast<std::uint64_t>(std::countr_one(word >> shift));
        if (run == 0) return;
        const auto ones = run == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << run) - 1;
        word &= ~(ones << shift);
        in_order_ += run;
        if (shift + run < 64) return;
    }
}

bool ReceiveHalf::finish(std::uint64_t final_offset) {
    if (final_) return *final_ == final_offset;
    if (final_offset < ring_.end() || final_offset > window_end_) return false;
    final_ = final_offset;
    return true;
}

bool ReceiveHalf::end_at(std::uint64_t final_offset) {
    if (final_ || final_offset < ring_.end()) return false;
    final_ = final_offset;
    return true;
}

std::size_t ReceiveHalf::read(base::ByteSpan out) {
    const auto n = std::min(out.size(), readable());
    ring_.copy(ring_.begin(), out.first(n));
    ring_.drop_to(ring_.begin() + n);
    if (ring_.size() == 0 && here_.size() > words_min) std::vector<std::uint64_t>{}.swap(here_);
    return n;
}

}  // namespace nightjar::stream
