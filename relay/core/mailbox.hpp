// Live mailboxes (docs/traffic-law.md section 3). Each connected client is sent one cell per slot
// at a constant rate D: a delivery if one is queued, else padding. The queue's content never
// affects when a cell leaves. When the client leaves, its queue is deleted.
//
// Slot times are absolute and start at a random phase. A slot that cannot be used within
// `lateness_max` of its time is lost and never made up. The limit is that of the mix queue: a
// shorter stall costs the client no cell, so that the rate stays D on a busy host
// (docs/traffic-law.md).
//
// A downlink costs the gateway far more than the peer that asks for it, so a peer pays for it with
// packets of its own. Each packet at the law's rate earns the slots of two gaps, so that a client
// that loses half of its slots still has its whole downlink. What a peer has at the start is enough
// to fetch the network document, and it keeps at most ten seconds. Slots without credit are lost.
// Who connects again and again gets no more at the start (ingress.hpp).
//
// Pure; one thread. `random` and `counters` must outlive this object.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/egress.hpp"
#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay::core {

class Mailboxes {
 public:
    static constexpr std::size_t queue_max = 128;  // cells per client
    /// Enough for the largest document, and some to spare.
    static constexpr double credit_start =
        static_cast<double>(cell::document_size_max / cell::document_part_size + 64);

    /// `unpaid`: the slots that a new client may use before it has sent anything. Above 0.
    Mailboxes(const directory::Parameters& law, base::Random& random, Counters& counters,
              double unpaid = credit_start);

    /// Sets the rate for slots that are not scheduled yet.
    void use(const directory::Parameters& law);

    /// Opens the client's mailbox with a part, 0 to 1, of the unpaid slots. An open mailbox keeps
    /// its schedule, its queue and its slots.
    void open(const base::MailboxId& client, base::Mono now, double part = 1);
    /// Returns the part of the unpaid slots that was left, at most 1.
    double close(const base::MailboxId& client);
    bool connected(const base::MailboxId& client) const;
    /// The client has sent a packet that was admitted.
    void earn(const base::MailboxId& client);

    /// Queues a delivery for the next free slot. If there is no mailbox or no room, it is dropped
    /// and counted.
    void deliver(const base::MailboxId& client, cell::CellBox cell);

    /// Sends a cell for each slot that is due. Padding says `wall` (sphinx/cell/padding_time.hpp).
    void tick(base::Mono now, base::Wall wall, Egress& egress);
    base::Mono next_due() const;  // Mono::max() without clients

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Mailbox {
        base::MailboxId client;
        std::vector<cell::CellBox> queue;
        std::uint32_t number = 0;  // handle in slots_
        double credit = 0;         // slots that it may still use
    };
    void fill_slot(Mailbox& mailbox, base::Wall wall, Egress& egress);

    directory::Rate down_;
    double earned_ = 0;  // slots for a client's packet
    double unpaid_;
    base::Random& random_;
    Counters& counters_;
    boost::unordered_flat_map<base::MailboxId, std::unique_ptr<Mailbox>, base::KeyedHash>
        mailboxes_;
    base::DueHeap<Mailbox> slots_;  // the next slot of each mailbox
};

}  // namespace nightjar::relay::core
