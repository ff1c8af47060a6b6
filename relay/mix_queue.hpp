// The mix: every packet waits here for its own delay among the others. One heap by due time; due is
// arrival + delay, so whatever the crypto took is absorbed.
//
// What leaves in one release leaves in a uniformly random order. What is overdue by more than
// `overdue_max` (a stall, a suspend) is dropped rather than sent in a burst. A full queue drops a
// uniformly random packet, the new one included, so that overflow says nothing about order.
// Nothing flushes: the only way out before its time is to be wiped. Pure, one thread; `random`
// outlives it.
#pragma once

#include <variant>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::relay {

// Where a held packet goes when its time comes.
struct ToRelay {
    base::NodeId next;
};
struct ToMailbox {
    base::MailboxId client;
};
struct ToExit {};
using Where = std::variant<ToRelay, ToMailbox, ToExit>;

// One line of the cache: among thousands none is in it when its time comes.
struct alignas(64) Held {
    cell::CellBox cell;
    Where where;
    base::Mono arrived;
    base::Nanoseconds delay{};  // what it asked for; the caller has capped it
    base::Mono due() const { return arrived + delay; }
};
static_assert(sizeof(Held) == 64);

inline constexpr base::Nanoseconds overdue_max = base::Milliseconds{250};

class MixQueue {
 public:
    /// Precondition: capacity > 0.
    MixQueue(std::size_t capacity, base::Random& random);
    ~MixQueue();
    MixQueue(const MixQueue&) = delete;
    MixQueue& operator=(const MixQueue&) = delete;

    /// False if the queue was full and a random packet (perhaps this one) was dropped for it.
    bool push(Held packet);

    /// Appends all that is due by `now`, shuffled. Returns how many it dropped as overdue.
    std::size_t release(base::Mono now, std::vector<Held>& out);

    /// The machine slept for `gap`, which the clock of `due` did not see: all is due that much
    /// earlier.
    void slept(base::Nanoseconds gap);

    base::Mono next_due() const;  // Mono::max() if nothing is held
    std::size_t size() const { return heap_.size(); }

 private:
    // What the heap compares lies in it; the packets themselves stay where they are.
    struct Entry {
        base::Mono due;
        std::uint32_t place;
    };
    std::uint32_t put(Held packet);
    Held take(std::uint32_t place);
    void sift_up(std::size_t at);
    void sift_down(std::size_t at);

    std::size_t capacity_;
    base::Random& random_;
    std::vector<Entry> heap_;  // heap_[i] is due no later than heap_[2i + 1] and heap_[2i + 2]
    std::vector<Held> packets_;
    std::vector<std::uint32_t> free_;  // places of packets_ that hold none
};

/// Zeroes a cell's body: a final packet's payload is in the clear.
void wipe(cell::Cell& cell);

}  // namespace nightjar::relay
