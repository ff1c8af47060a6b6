#include "sphinx/stream/byte_ring.hpp"

#include <algorithm>
#include <bit>

#include "sphinx/base/check.hpp"

namespace nightjar::stream {

namespace {

constexpr std::size_t capacity_min = 4096;

/// The length of the first of up to two contiguous pieces of n bytes at `offset` in a ring of
/// `size` bytes.
std::size_t until_wrap(std::uint64_t offset, std::size_t n, std::size_t size) {
    return std::min(n, size - static_cast<std::size_t>(offset & (size - 1)));
}

}  // namespace

void ByteRing::reserve(std::size_t size) {
    if (size <= store_.size()) return;
    base::Bytes grown(std::max(capacity_min, std::bit_ceil(size)));
    for (std::uint64_t at = begin_; at < end_;) {
        const auto left = static_cast<std::size_t>(end_ - at);
        const auto n =
            std::min(until_wrap(at, left, store_.size()), until_wrap(at, left, grown.size()));
        std::copy_n(store_.data() + (at & (store_.size() - 1)), n,
                    grown.data() + (at & (grown.size() - 1)));
        at += n;
    }
    store_ = std::move(grown);
}

void ByteRing::append(base::ByteView bytes) {
    if (bytes.empty()) return;
    reserve(size() + bytes.size());
    const auto first = until_wrap(end_, bytes.size(), store_.size());
    std::copy_n(bytes.data(), first, store_.data() + (end_ & (store_.size() - 1)));
    std::copy_n(bytes.data() + first, bytes.size() - first, store_.data());
    end_ += bytes.size();
}

void ByteRing::copy(std::uint64_t offset, base::ByteSpan out) const {
    NIGHTJAR_CHECK(begin_ <= offset && offset + out.size() <= end_);
    if (out.empty()) return;
    const auto first = until_wrap(offset, out.size(), store_.size());
    std::copy_n(store_.data() + (offset & (store_.size() - 1)), first, out.data());
    std::copy_n(store_.data(), out.size() - first, out.data() + first);
}

void ByteRing::drop_to(std::uint64_t offset) {
    NIGHTJAR_CHECK(begin_ <= offset && offset <= end_);
    begin_ = offset;
    if (begin_ == end_ && store_.size() > capacity_min) base::Bytes{}.swap(store_);
}

void ByteRing::clear() {
    begin_ = end_;
    base::Bytes{}.swap(store_);
}

}  // namespace nightjar::stream
