// A bounded queue in which each source has a turn: what one source queues makes no other one wait
// longer than for one of its items a round (deficit round robin, Shreedhar, Varghese 1995, for
// items of equal size). When it is full, the source that has most loses its newest item, so a
// source that holds no more than its fair share (capacity / sources) loses none.
//
// First in, first out within a source. One thread. Memory: the items that were queued at once, and
// an entry for each source that has any.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nightjar::base {

/// T must be movable and default-constructible.
template <class T>
class FairQueue {
 public:
    /// A name for one source. If peers choose names, give a keyed hash of them.
    using Source = std::uint64_t;

    /// Precondition: capacity > 0.
    explicit FairQueue(std::size_t capacity) : capacity_{capacity} { assert(capacity > 0); }

    /// Returns false if the queue was full, so that one item is lost: this one or another.
    bool push(Source source, T item) {
        const bool full = size_ == capacity_;
        if (full) {
            const auto own = queues_.find(source);
            const auto held = own == queues_.end() ? 0 : own->second.size;
            if (held * queues_.size() >= capacity_) return false;
            drop_newest_of_the_heaviest();
        }
        const auto slot = new_slot(std::move(item));
        auto& queue = queues_[source];
        if (queue.size++ == 0) {
            queue.first = slot;
            turns_.push_back(source);
        } else {
            slots_[queue.last].next = slot;
            slots_[slot].before = queue.last;
        }
        queue.last = slot;
        ++size_;
        return !full;
    }

    /// Takes the oldest item of the source whose turn it is. Precondition: not empty.
    T pop() {
        assert(size_ > 0);
        const auto source = turns_.front();
        turns_.pop_front();
        const auto found = queues_.find(source);
        auto& queue = found->second;
        const auto slot = queue.first;
        queue.first = slots_[slot].next;
        if (--queue.size == 0)
            queues_.erase(found);
        else
            turns_.push_back(source);
        return free_slot(slot);
    }

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

 private:
    using Slot = std::size_t;
    struct Node {
        T item;
        Slot next = 0;
        Slot before = 0;
    };
    struct Queue {
        std::size_t size = 0;
        Slot first = 0;
        Slot last = 0;
    };

    Slot new_slot(T item) {
        if (free_.empty()) {
            slots_.push_back({std::move(item)});
            return slots_.size() - 1;
        }
        const auto slot = free_.back();
        free_.pop_back();
        slots_[slot].item = std::move(item);
        return slot;
    }
    T free_slot(Slot slot) {
        free_.push_back(slot);
        --size_;
        return std::exchange(slots_[slot].item, T{});
    }
    void drop_newest_of_the_heaviest() {
        const auto heaviest = std::max_element(
            queues_.begin(), queues_.end(),
            [](const auto& a, const auto& b) { return a.second.size < b.second.size; });
        auto& queue = heaviest->second;
        const auto slot = queue.last;
        queue.last = slots_[slot].before;
        if (--queue.size == 0) {
            turns_.erase(std::find(turns_.begin(), turns_.end(), heaviest->first));
            queues_.erase(heaviest);
        }
        free_slot(slot);
    }

    const std::size_t capacity_;
    std::size_t size_ = 0;
    std::vector<Node> slots_;
    std::vector<Slot> free_;
    std::unordered_map<Source, Queue> queues_;  // of the sources that have items
    std::deque<Source> turns_;                  // the same sources, the next one first
};

}  // namespace nightjar::base
