// The mix: every packet waits here for its own delay among the others; due is arrival + delay, so
// whatever the crypto took is absorbed. A calendar (R. Brown 1988, "Calendar Queues: A Fast O(1)
// Priority Queue Implementation"): a packet lies under the millisecond in which it is due, and is
// looked at again only then. A heap moves each packet through places that lie in no cache.
//
// What leaves in one release leaves in a uniformly random order. What is overdue by more than
// `overdue_max` (a stall, a suspend) is dropped rather than sent in a burst. A full queue drops a
// uniformly random packet, the new one included, so that overflow says nothing about order.
// Nothing flushes: the only way out before its time is to be wiped. Pure, one thread; `random`
// outlives it.
#pragma once

#include <cstdint>
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

    /// Mono::max() if nothing is held. Where a full queue has dropped what was due next, it may
    /// name that instant still: release() then finds nothing, once.
    base::Mono next_due() const { return next_due_; }
    std::size_t size() const { return packets_.size() - free_.size(); }

 private:
    // A page of the calendar: what is due in one span of time, of this round or of a later one.
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Page {
        base::Mono earliest = base::Mono::max();  // nothing here is due before
        std::uint32_t first = none;               // place in packets_; neighbours_ has the others
    };
    struct Neighbours {
        std::uint32_t before = none;
        std::uint32_t after = none;
    };
    Page& page(std::int64_t day);
    std::int64_t day_of(base::Mono due) const;
    void put(Held packet);
    void replace(std::uint32_t place, Held packet);
    void write_down(std::uint32_t place);
    void strike_out(std::uint32_t place);
    std::size_t leave(Page& page, base::Mono now, std::vector<Held>& out);
    Held take(std::uint32_t place);
    void find_next();

    std::size_t capacity_;
    base::Random& random_;
    std::vector<Page> pages_;
    std::int64_t today_ = 0;  // of the last release: no packet lies under a day before it
    base::Mono next_due_ = base::Mono::max();
    std::vector<Held> packets_;
    std::vector<Neighbours> neighbours_;  // of each packet, on its page
    std::vector<std::uint32_t> free_;     // places of packets_ that hold none
    std::vector<std::uint32_t> leaving_;  // kept between releases for its memory only
};

/// Zeroes a cell's body: a final packet's payload is in the clear.
void wipe(cell::Cell& cell);

}  // namespace nightjar::relay
