#include "sphinx/stream/receive_half.hpp"

#include <algorithm>
#include <bit>

#include "sphinx/base/check.hpp"

namespace nightjar::stream {

namespace {

/// Calls each(page index, offset in the page, piece) for the piece of `bytes` in each page, until
/// it returns false. Returns whether all calls returned true.
template <class Bytes, class Each>
bool for_pages(std::uint64_t offset, Bytes bytes, std::size_t page_size, Each each) {
    while (!bytes.empty()) {
        const auto at = static_cast<std::size_t>(offset % page_size);
        const auto n = std::min(bytes.size(), page_size - at);
        if (!each(offset / page_size, at, bytes.first(n))) return false;
        bytes = bytes.subspan(n);
        offset += n;
    }
    return true;
}

}  // namespace

/// True if no byte of `with` differs from one that arrived at its place.
bool ReceiveHalf::Page::agrees(std::size_t at, base::ByteView with) const {
    for (std::size_t i = 0; i < with.size(); ++i) {
        if (has(at + i) && bytes[at + i] != with[i]) return false;
    }
    return true;
}

void ReceiveHalf::Page::put(std::size_t at, base::ByteView from) {
    std::copy(from.begin(), from.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    const auto end = at + from.size();
    while (at < end) {
        const auto n = std::min(64 - at % 64, end - at);
        const auto ones = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
        here[at / 64] |= ones << (at % 64);
        at += n;
    }
}

bool ReceiveHalf::may_reach(std::uint64_t end) const {
    return end <= window_end_ && (!final_ || end <= *final_);
}

bool ReceiveHalf::insert(std::uint64_t offset, base::ByteView bytes) {
    const auto end = offset + bytes.size();
    NIGHTJAR_CHECK(may_reach(end));
    // Bytes already read are gone and cannot be compared.
    if (end <= read_) return true;
    if (offset < read_) {
        bytes = bytes.subspan(static_cast<std::size_t>(read_ - offset));
        offset = read_;
    }
    const bool agrees = offset >= end_ ||
                        for_pages(offset, bytes, page_size,
                                  [this](std::uint64_t index, std::size_t at, auto piece) {
                                      const auto page = pages_.find(index);
                                      return page == pages_.end() || page->second.agrees(at, piece);
                                  });
    if (!agrees) return false;
    if (end <= in_order_) return true;
    for_pages(offset, bytes, page_size, [this](std::uint64_t index, std::size_t at, auto piece) {
        pages_[index].put(at, piece);
        return true;
    });
    end_ = std::max(end_, end);
    advance();
    return true;
}

/// Advances in_order_ over the bytes that have arrived.
void ReceiveHalf::advance() {
    while (in_order_ < end_) {
        const auto page = pages_.find(in_order_ / page_size);
        if (page == pages_.end()) return;
        auto at = static_cast<std::size_t>(in_order_ % page_size);
        while (at < page_size) {
            const auto most = 64 - at % 64;
            const auto run =
                static_cast<std::size_t>(std::countr_one(page->second.here[at / 64] >> (at % 64)));
            at += run;
            in_order_ += run;
            if (run < most) return;
        }
    }
}

bool ReceiveHalf::finish(std::uint64_t final_offset) {
    if (final_) return *final_ == final_offset;
    if (final_offset < end_ || final_offset > window_end_) return false;
    final_ = final_offset;
    return true;
}

bool ReceiveHalf::end_at(std::uint64_t final_offset) {
    if (final_ || final_offset < end_) return false;
    final_ = final_offset;
    return true;
}

std::size_t ReceiveHalf::read(base::ByteSpan out) {
    const auto n = std::min(out.size(), readable());
    for_pages(read_, out.first(n), page_size,
              [this](std::uint64_t index, std::size_t at, base::ByteSpan piece) {
                  std::copy_n(pages_.at(index).bytes.data() + at, piece.size(), piece.data());
                  return true;
              });
    read_ += n;
    const auto kept = read_ == end_ ? pages_.end() : pages_.lower_bound(read_ / page_size);
    pages_.erase(pages_.begin(), kept);
    return n;
}

}  // namespace nightjar::stream
