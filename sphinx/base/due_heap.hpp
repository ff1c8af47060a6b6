// A priority queue of recurring events: finds which of hundreds of objects is due next. It is a
// heap with four children per node. The children of a node are adjacent in memory, so moving an
// object to a later time touches two or three cache lines; a balanced tree would remove and
// reinsert a node.
//
//   const auto number = heap.enter(thing);        // not due yet
//   heap.set(number, due); ... heap.first() ...; heap.set(number, later);
//   heap.leave(number);
//
// Pure; one thread. An object must not move after enter(), and must outlive leave().
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <utility>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::base {

template <class T>
class DueHeap {
 public:
    using Handle = std::uint32_t;

    /// Adds `thing`, not due yet. Returns its handle, which is valid until leave() and may be
    /// reused afterwards.
    Handle enter(T& thing) {
        if (free_.empty()) {
            free_.push_back(static_cast<Handle>(inside_.size()));
            inside_.emplace_back();
        }
        const auto handle = free_.back();
        free_.pop_back();
        inside_[handle] = {&thing, nowhere};
        return handle;
    }
    void leave(Handle handle) {
        unset(handle);
        inside_[handle] = {};
        free_.push_back(handle);
    }

    bool empty() const { return heap_.empty(); }  // no object is due at any time
    // Precondition of both: not empty(). Among objects due at the same time, any may be first.
    base::Mono first_due() const { return heap_.front().due; }
    T& first() const { return *inside_[heap_.front().handle].thing; }

    void set(Handle handle, base::Mono due) {
        auto& at = inside_[handle].at;
        if (at == nowhere) {
            at = static_cast<std::uint32_t>(heap_.size());
            heap_.push_back({due, handle});
        } else {
            heap_[at].due = due;
        }
        sift_down(sift_up(at));
    }
    /// The object is no longer due. Does nothing if it was not due.
    void unset(Handle handle) {
        const auto hole = std::exchange(inside_[handle].at, nowhere);
        if (hole == nowhere) return;
        const auto last = heap_.back();
        heap_.pop_back();
        if (hole == heap_.size()) return;
        put(hole, last);
        sift_down(sift_up(hole));
    }

 private:
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    static constexpr std::size_t children = 4;
    struct Entry {
        base::Mono due;
        Handle handle = 0;
    };
    struct Inside {
        T* thing = nullptr;
        std::uint32_t at = nowhere;  // index in heap_
    };

    void put(std::size_t at, const Entry& entry) {
        heap_[at] = entry;
        inside_[entry.handle].at = static_cast<std::uint32_t>(at);
    }
    /// Returns the final index.
    std::size_t sift_up(std::size_t at) {
        const auto moved = heap_[at];
        for (; at > 0 && moved.due < heap_[(at - 1) / children].due; at = (at - 1) / children)
            put(at, heap_[(at - 1) / children]);
        put(at, moved);
        return at;
    }
    void sift_down(std::size_t at) {
        const auto moved = heap_[at];
        for (;;) {
            const auto first = children * at + 1;
            if (first >= heap_.size()) break;
            const auto end = std::min(first + children, heap_.size());
            auto least = first;
            for (auto child = first + 1; child < end; ++child)
                if (heap_[child].due < heap_[least].due) least = child;
            if (moved.due <= heap_[least].due) break;
            put(at, heap_[least]);
            at = least;
        }
        put(at, moved);
    }

    std::vector<Entry> heap_;  // heap_[i] is due no later than its children heap_[4i + 1 .. 4i + 4]
    std::vector<Inside> inside_;
    std::vector<Handle> free_;
};

}  // namespace nightjar::base
