// Live mailboxes (docs/traffic-law.md section 3): each connected client is sent one cell per slot
// of a constant rate D, a delivery if one waits, else padding. What waits changes nothing of when a
// cell leaves. The queue is gone when the client leaves.
//
// Slot times are absolute, from a random phase on. A slot that could not be used within `late_max`
// of its time is lost, never made up. The bound is the mix queue's: a machine that stalls for less
// costs the client no cell, so that the rate stays D on a busy host (docs/traffic-law.md).
// Pure, one thread; `random` and `counters` outlive it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "relay/counters.hpp"
#include "relay/due_heap.hpp"
#include "relay/egress.hpp"
#include "relay/keyed_hash.hpp"
#include "relay/mix_queue.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay {

class Mailboxes {
 public:
    static constexpr std::size_t queue_max = 128;  // cells per client
    static constexpr base::Nanoseconds late_max = overdue_max;

    Mailboxes(directory::Rate down, base::Random& random, Counters& counters);

    /// The rate of slots not yet drawn.
    void use(directory::Rate down);

    /// A client that is there already keeps its schedule and its queue.
    void open(const base::MailboxId& client, base::Mono now);
    void close(const base::MailboxId& client);
    bool connected(const base::MailboxId& client) const;

    /// Takes a delivery for the next free slot; without a mailbox or room it is dropped (counted).
    void deliver(const base::MailboxId& client, cell::CellBox cell);

    /// Gives each slot that is due its cell.
    void tick(base::Mono now, Egress& egress);
    base::Mono next_due() const;  // Mono::max() without clients

 private:
    struct Mailbox {
        base::MailboxId client;
        std::vector<cell::CellBox> queue;
        std::uint32_t number = 0;  // its own in slots_
    };
    void fill_slot(Mailbox& mailbox, Egress& egress);

    directory::Rate down_;
    base::Random& random_;
    Counters& counters_;
    boost::unordered_flat_map<base::MailboxId, std::unique_ptr<Mailbox>, KeyedHash> mailboxes_;
    DueHeap<Mailbox> slots_;  // the next slot of each mailbox
};

}  // namespace nightjar::relay
