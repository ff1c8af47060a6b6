#include "relay/core/ingress.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/base/prefix_shares.hpp"
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

constexpr double start_tokens = client_burst / 4;

MixSource reduce(std::size_t hash) {
    return static_cast<MixSource>(hash % mix_sources);
}

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

void NeighbourCells::use(const directory::Document& document, const base::NodeId& self,
                         base::Mono now) {
    // Four times its part, and as many in a minute. A link can hold back some thousand cells.
    constexpr double margin = 4, seconds = 60, least = 8192;
    constexpr double others_burst = 64;
    const auto* own = document.find(self);
    std::vector<const directory::Relay*> before;
    double all = 0;
    for (const auto& relay : document.relays) {
        if (own == nullptr || !directory::may_forward(document, relay, *own)) continue;
        before.push_back(&relay);
        all += relay.capacity;
    }
    auto former = std::exchange(neighbours_, {});
    for (const auto* relay : before) {
        // Clients choose some relays by capacity, and others all alike.
        const auto part = std::max(1 / static_cast<double>(before.size()), relay->capacity / all);
        const auto rate = margin * part * std::max<double>(made_for_, own->capacity);
        const auto burst = std::max(seconds * rate, least);
        auto place = former.extract(relay->identity);
        if (place.empty()) {
            neighbours_.emplace(
                relay->identity,
                Neighbour{rate, {burst, burst, now}, {others_burst, others_burst, now}});
        } else {
            place.mapped().per_second = rate;
            neighbours_.insert(std::move(place));
        }
    }
}

bool NeighbourCells::take(const base::NodeId& from, cell::Kind kind, base::Mono now) {
    constexpr double others_per_second = 4;
    const auto found = neighbours_.find(from);
    if (found == neighbours_.end()) return false;
    auto& its = found->second;
    if (kind != cell::Kind::packet) return its.others.take(others_per_second, now);
    return made_for_ == 0 || its.packets.take(its.per_second, now);
}

double NeighbourCells::per_second(const base::NodeId& from) const {
    const auto found = neighbours_.find(from);
    return found == neighbours_.end() ? 0 : found->second.per_second;
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

double Ingress::client_connected(const base::MailboxId& client, const base::IpAddress& from,
                                 base::Mono now) {
    if (clients_.contains(client)) return 0;
    double start = 1;
    if (!from.is_loopback()) {
        if (!starts_) starts_.emplace(starts, random_);
        start = starts_->take_up_to(from, 1, now);
    }
    const auto gap = slot_gap(document_->parameters);
    clients_.emplace(
        client, Client{TokenBucket{client_burst, start * start_tokens, now},
                       EntryGate{now, gap, random_.unit()}, from, start, source_of(client, from)});
    return start;
}

void Ingress::client_gone(const base::MailboxId& client, double unused, base::Mono now) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    const auto& its = found->second;
    if (!its.from.is_loopback())
        starts_->give_back(its.from,
                           std::min({its.start, unused, its.bucket.tokens() / start_tokens}), now);
    base::erase_and_wipe(clients_, found);
}

void Ingress::forget(base::Mono now) {
    if (starts_) starts_->forget(now);
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

MixSource Ingress::source_of(const base::MailboxId& client, const base::IpAddress& from) const {
    if (from.is_loopback()) return reduce(hash_(client));
    return reduce(hash_(base::source_prefixes(from).front().address.bytes));
}

MixSource Ingress::source(const Origin& from) const {
    if (from.relay) return reduce(hash_(from.relay->identity));
    const auto found = clients_.find(from.client);
    return found == clients_.end() ? MixSource{0} : found->second.source;
}

MixSource Ingress::own_source() const {
    return reduce(hash_(self_));
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
    const auto& [self, document, own, keyring, random, drop_share, hash, clients, starts, room,
                 relay_part, refused] = *this;
    out.push_back({"Ingress.clients", "clients", clients.size(),
                   "a connected client's link identifier, and how many packets it sent lately"});
    out.push_back(
        {"Ingress.starts", "clients", starts ? starts->remembered() : 0,
         "for some minutes: a keyed hash of an address prefix that has connected and gone "
         "before it sent anything, and when"});
    out.push_back({"Ingress.room", "neighbours", room ? room->sharers() : 0,
                   "a keyed hash of a neighbour, and how many packets it sent lately"});
}

}  // namespace nightjar::relay::core
