#include "relay/core/ingress.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::relay::core {

bool TokenBucket::take(double per_second, base::Mono now) {
    // Packets may arrive here slightly out of order. An earlier time never removes tokens.
    if (now > filled_) {
        tokens_ = std::min(depth_, tokens_ + base::to_seconds(now - filled_) * per_second);
        filled_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

namespace {

double law_per_second(const directory::Parameters& parameters) {
    return parameters.main_slots.per_second() + parameters.client_loops.per_second();
}

}  // namespace

base::Nanoseconds slot_gap(const directory::Parameters& parameters) {
    return directory::Rate{parameters.main_slots.milli + parameters.client_loops.milli}.mean_gap();
}

double admitted_per_second(const directory::Parameters& parameters) {
    return 1.2 * law_per_second(parameters);
}

double cells_per_second_max(const directory::Parameters& parameters) {
    return 4 * law_per_second(parameters);
}

double cells_burst(const directory::Parameters& parameters) {
    return std::max(64.0, 20 * law_per_second(parameters));
}

Ingress::Ingress(base::NodeId self, std::shared_ptr<const directory::Document> document,
                 const Keyring& keyring, base::Random& random, double lab_drop_share,
                 const ReplayRoom& room)
    : self_{self},
      keyring_{keyring},
      random_{random},
      lab_drop_share_{lab_drop_share},
      hash_{random},
      clients_{0, hash_} {
    assert(lab_drop_share_ >= 0 && lab_drop_share_ <= 1);
    if (room.per_second > 0) room_.emplace(room.per_second, room.burst(), base::Mono{});
    use(std::move(document));
}

void Ingress::use(std::shared_ptr<const directory::Document> document) {
    document_ = std::move(document);
    own_ = document_->find(self_);
    if (!own_ || !room_) return;
    const auto neighbours = std::count_if(
        document_->relays.begin(), document_->relays.end(),
        [this](const auto& relay) { return directory::may_forward(*document_, relay, *own_); });
    const double of_relays = own_->role == directory::Role::gateway ? 0.5 : 1;
    relay_part_ = of_relays / static_cast<double>(std::max<std::ptrdiff_t>(neighbours, 1));
    room_->forget_sharers();
}

void Ingress::client_connected(const base::MailboxId& client, base::Mono now) {
    if (clients_.contains(client)) return;
    const auto gap = slot_gap(document_->parameters);
    clients_.emplace(client, Client{TokenBucket{client_burst, client_burst / 4, now},
                                    EntryGate{now, gap, random_.unit()}});
}

void Ingress::client_gone(const base::MailboxId& client) {
    if (const auto found = clients_.find(client); found != clients_.end())
        base::erase_and_wipe(clients_, found);
}

base::Result<std::shared_ptr<const MixKeyPair>, DropReason> Ingress::admit(const Origin& from,
                                                                           const cell::Cell& cell,
                                                                           base::Mono arrived,
                                                                           base::Wall wall) {
    if (injected_drop()) return base::Fail{DropReason::injected};
    if (from.relay) {
        if (!own_ || !directory::may_forward(*document_, *from.relay, *own_))
            return base::Fail{DropReason::misrouted};
    } else {
        if (!own_ || own_->role != directory::Role::gateway)
            return base::Fail{DropReason::misrouted};
        const auto client = clients_.find(from.client);
        if (client == clients_.end() ||
            !client->second.bucket.take(admitted_per_second(document_->parameters), arrived))
            return base::Fail{DropReason::admission};
    }
    if (cell.kind() != cell::Kind::packet) return base::Fail{DropReason::malformed};
    auto key = keyring_.find(cell.epoch(), wall);
    if (!key) return base::Fail{DropReason::malformed};
    return key;
}

bool Ingress::take_room(const base::NodeId* relay, base::Mono arrived) {
    if (!room_) return true;
    constexpr base::SharedRate::Sharer clients = 0;
    constexpr double clients_part = 0.5;
    const bool taken = relay ? room_->take(hash_(*relay), relay_part_, arrived)
                             : room_->take(clients, clients_part, arrived);
    if (!taken) room_refused_ = arrived;
    return taken;
}

base::Mono Ingress::enter(const base::MailboxId& client, base::Mono arrived) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return arrived;
    return found->second.gate.enter(arrived, slot_gap(document_->parameters));
}

bool Ingress::injected_drop() {
    return document_->parameters.lab && lab_drop_share_ > 0 && random_.unit() < lab_drop_share_;
}

void Ingress::list_holdings(base::Holdings& out) const {
    const auto& [self, document, own, keyring, random, drop_share, hash, clients, room, relay_part,
                 refused] = *this;
    out.push_back({"Ingress.clients", "clients", clients.size(),
                   "a connected client's link identifier, and how many packets it sent lately"});
    out.push_back({"Ingress.room", "neighbours", room ? room->sharers() : 0,
                   "a keyed hash of a neighbour, and how many packets it sent lately"});
}

}  // namespace nightjar::relay::core
