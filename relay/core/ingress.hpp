// Decides which packets may enter. The checks, in order: lab fault injection, the client's token
// bucket, the route's previous hop, the epoch's key. Every refusal has a reason, and no refusal is
// answered. Pure; one thread. `keyring` and `random` must outlive this object.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "relay/core/drop_reason.hpp"
#include "relay/core/keyring.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::core {

/// The link on which a cell arrived.
struct Origin {
    const directory::Relay* relay = nullptr;  // a relay of the document; nullptr: a client
    base::MailboxId client;                   // valid if relay == nullptr
};

/// A token bucket: `per_second` tokens a second, at most `depth` at once. A gateway uses 1.2 (U +
/// L) per second for each client.
class TokenBucket {
 public:
    static constexpr double depth = 64;

    explicit TokenBucket(base::Mono now) : filled_{now} {}
    bool take(double per_second, base::Mono now);

 private:
    double tokens_ = depth;
    base::Mono filled_;
};

/// The rate at which a gateway admits packets of one client (docs/traffic-law.md section 1).
double admitted_per_second(const directory::Parameters& parameters);

class Ingress {
 public:
    /// `lab_drop_share` has an effect only while the document says `lab`.
    Ingress(base::NodeId self, std::shared_ptr<const directory::Document> document,
            const Keyring& keyring, base::Random& random, double lab_drop_share);

    void use(std::shared_ptr<const directory::Document> document);
    void client_connected(const base::MailboxId& client, base::Mono now);
    void client_gone(const base::MailboxId& client);

    /// Returns the key to unwrap the packet with, or the reason to drop it.
    base::Result<std::shared_ptr<const MixKeyPair>, DropReason> admit(const Origin& from,
                                                                      const cell::Cell& cell,
                                                                      base::Mono arrived,
                                                                      base::Wall wall);

 private:
    bool injected_drop();

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    const directory::Relay* own_;  // this relay's entry in the document; nullptr: not listed
    const Keyring& keyring_;
    base::Random& random_;
    double lab_drop_share_;
    boost::unordered_flat_map<base::MailboxId, TokenBucket, base::KeyedHash> clients_;
};

}  // namespace nightjar::relay::core
