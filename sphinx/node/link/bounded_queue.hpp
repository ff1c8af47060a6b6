// A ring buffer that refuses items when it is full. Every queue of the product is one of these or
// states its own bound: nothing waits without limit, and a slow neighbour never blocks the sender.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace nightjar::node::link {

/// First in, first out; one thread. T must be movable and default-constructible. A popped slot
/// holds a moved-from T until it is used again.
template <class T>
class BoundedQueue {
 public:
    /// Allocates the whole ring. Precondition: capacity > 0.
    explicit BoundedQueue(std::size_t capacity) : ring_(capacity) { assert(capacity > 0); }

    /// Returns false if the queue is full: the item is destroyed and counted as refused.
    bool try_push(T item) {
        if (full()) {
            ++refused_;
            return false;
        }
        ring_[(first_ + size_) % ring_.size()] = std::move(item);
        ++size_;
        return true;
    }

    std::optional<T> try_pop() {
        if (empty()) return std::nullopt;
        std::optional<T> item{std::move(ring_[first_])};
        first_ = (first_ + 1) % ring_.size();
        --size_;
        return item;
    }

    void clear() {
        while (!empty())
            try_pop();
    }

    bool empty() const { return size_ == 0; }
    bool full() const { return size_ == ring_.size(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return ring_.size(); }
    /// The number of refused items.
    std::uint64_t refused() const { return refused_; }

 private:
    std::vector<T> ring_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace nightjar::node::link
