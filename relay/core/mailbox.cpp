#include "relay/core/mailbox.hpp"

#include <algorithm>
#include <utility>

#include "relay/core/limits.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/cell/padding_time.hpp"

namespace nightjar::relay::core {

Mailboxes::Mailboxes(const directory::Parameters& law, base::Random& random, Counters& counters,
                     double unpaid)
    : unpaid_{unpaid},
      random_{random},
      counters_{counters},
      mailboxes_{0, base::KeyedHash{random}} {
    use(law);
}

void Mailboxes::use(const directory::Parameters& law) {
    down_ = law.down;
    const auto up = law.main_slots.per_second() + law.client_loops.per_second();
    earned_ = 2 * down_.per_second() / up;
}

void Mailboxes::open(const base::MailboxId& client, base::Mono now, double part) {
    if (connected(client)) return;
    // Random phase: the slots of clients that connect together must not coincide.
    const auto gap = static_cast<std::uint64_t>(down_.mean_gap().count());
    const base::Nanoseconds phase{static_cast<std::int64_t>(random_.below(gap))};
    auto& mailbox = *mailboxes_.emplace(client, std::make_unique<Mailbox>()).first->second;
    mailbox.client = client;
    mailbox.credit = part * unpaid_;
    mailbox.number = slots_.enter(mailbox);
    slots_.set(mailbox.number, now + phase);
}

double Mailboxes::close(const base::MailboxId& client) {
    const auto found = mailboxes_.find(client);
    if (found == mailboxes_.end()) return 0;
    const auto left = std::min(found->second->credit / unpaid_, 1.0);
    slots_.leave(found->second->number);
    base::erase_and_wipe(mailboxes_, found);
    return left;
}

bool Mailboxes::connected(const base::MailboxId& client) const {
    return mailboxes_.contains(client);
}

void Mailboxes::earn(const base::MailboxId& client) {
    const auto found = mailboxes_.find(client);
    if (found == mailboxes_.end()) return;
    constexpr double seconds_kept = 10;
    auto& credit = found->second->credit;
    const auto most = std::max(unpaid_, seconds_kept * down_.per_second());
    credit = std::min(credit + earned_, most);
}

void Mailboxes::deliver(const base::MailboxId& client, cell::CellBox cell) {
    const auto found = mailboxes_.find(client);
    if (found == mailboxes_.end()) return counters_.drop(DropReason::unreachable);
    auto& queue = found->second->queue;
    if (queue.size() == queue_max) return counters_.drop(DropReason::overflow);
    queue.push_back(std::move(cell));
    ++counters_.deliveries;
}

void Mailboxes::tick(base::Mono now, base::Wall wall, Egress& egress) {
    const auto gap = down_.mean_gap();
    while (!slots_.empty() && slots_.first_due() <= now) {
        auto& mailbox = slots_.first();
        auto slot = slots_.first_due();
        const auto late = now - slot;
        if (late <= lateness_max)
            fill_slot(mailbox, wall, egress);
        else  // Skip all lost slots in one step: a suspend can lose millions.
            slot += (late - lateness_max) / gap * gap;
        slots_.set(mailbox.number, slot + gap);
    }
}

base::Mono Mailboxes::next_due() const {
    return slots_.empty() ? base::Mono::max() : slots_.first_due();
}

void Mailboxes::fill_slot(Mailbox& mailbox, base::Wall wall, Egress& egress) {
    if (mailbox.credit < 1) return;
    mailbox.credit -= 1;
    if (mailbox.queue.empty()) {
        if (egress.to_client(mailbox.client, cell::padding_that_says(wall)) == SendResult::queued)
            ++counters_.down_cells;
        return;
    }
    auto delivery = std::move(mailbox.queue.front());
    mailbox.queue.erase(mailbox.queue.begin());
    switch (egress.to_client(mailbox.client, std::move(delivery))) {
        case SendResult::queued:
            ++counters_.down_cells;
            return;
        case SendResult::no_link:
            return counters_.drop(DropReason::unreachable);
        case SendResult::queue_full:
            return counters_.drop(DropReason::overflow);
    }
}

void Mailboxes::list_holdings(base::Holdings& out) const {
    const auto& [down, earned, unpaid, random, counters, mailboxes, slots] = *this;
    std::size_t queued = 0;
    for (const auto& [client, mailbox] : mailboxes)
        queued += mailbox->queue.size();
    out.push_back({"Mailboxes.mailboxes", "clients", mailboxes.size(),
                   "a connected client's link identifier, and when its next cell leaves"});
    out.push_back({"Mailboxes.queue", "packets", queued,
                   "cells for connected clients, sealed by exits and clients"});
}

}  // namespace nightjar::relay::core
