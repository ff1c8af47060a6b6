#include "relay/core/ingress.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/directory/route.hpp"

namespace nightjar::relay::core {

bool TokenBucket::take(double per_second, base::Mono now) {
    // Packets may arrive here slightly out of order. An earlier time never removes tokens.
    if (now > filled_) {
        tokens_ = std::min(depth, tokens_ + base::to_seconds(now - filled_) * per_second);
        filled_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

double admitted_per_second(const directory::Parameters& parameters) {
    return 1.2 * (parameters.main_slots.per_second() + parameters.client_loops.per_second());
}

Ingress::Ingress(base::NodeId self, std::shared_ptr<const directory::Document> document,
                 const Keyring& keyring, base::Random& random, double lab_drop_share)
    : self_{self},
      document_{std::move(document)},
      own_{document_->find(self_)},
      keyring_{keyring},
      random_{random},
      lab_drop_share_{lab_drop_share},
      clients_{0, base::KeyedHash{random}} {
    assert(lab_drop_share_ >= 0 && lab_drop_share_ <= 1);
}

void Ingress::use(std::shared_ptr<const directory::Document> document) {
    document_ = std::move(document);
    own_ = document_->find(self_);
}

void Ingress::client_connected(const base::MailboxId& client, base::Mono now) {
    clients_.try_emplace(client, now);
}

void Ingress::client_gone(const base::MailboxId& client) {
    clients_.erase(client);
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
            !client->second.take(admitted_per_second(document_->parameters), arrived))
            return base::Fail{DropReason::admission};
    }
    if (cell.kind() != cell::Kind::packet) return base::Fail{DropReason::malformed};
    auto key = keyring_.find(cell.epoch(), wall);
    if (!key) return base::Fail{DropReason::malformed};
    return key;
}

bool Ingress::injected_drop() {
    return document_->parameters.lab && lab_drop_share_ > 0 && random_.unit() < lab_drop_share_;
}

}  // namespace nightjar::relay::core
