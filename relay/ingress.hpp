// What may come in, in the order in which it is asked: lab fault injection, the client's token
// bucket, the route's previous hop, the epoch's key. Each refusal has its reason; none is answered.
// Pure, one thread; `keyring` and `random` outlive it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "relay/drop_reason.hpp"
#include "relay/keyed_hash.hpp"
#include "relay/keyring.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay {

/// Whose link a cell came in on.
struct From {
    const directory::Relay* relay = nullptr;  // a relay of the document, or
    base::MailboxId client;                   // a client, if relay == nullptr
};

/// Admits 1.2 (U + L) packets a second, 64 at once.
class TokenBucket {
 public:
    static constexpr double depth = 64;

    explicit TokenBucket(base::Mono now) : filled_{now} {}
    bool take(double per_second, base::Mono now);

 private:
    double tokens_ = depth;
    base::Mono filled_;
};

/// What a gateway admits of one client (docs/traffic-law.md section 1).
double admitted_per_second(const directory::Parameters& parameters);

class Ingress {
 public:
    /// `lab_drop_share` counts only while the document says `lab`.
    Ingress(base::NodeId self, std::shared_ptr<const directory::Document> document,
            const Keyring& keyring, base::Random& random, double lab_drop_share);

    void use(std::shared_ptr<const directory::Document> document);
    void client_connected(const base::MailboxId& client, base::Mono now);
    void client_gone(const base::MailboxId& client);

    /// The key to unwrap with, or why the packet is dropped.
    base::Result<std::shared_ptr<const MixKeyPair>, DropReason> admit(const From& from,
                                                                      const cell::Cell& cell,
                                                                      base::Mono arrived,
                                                                      base::Wall wall);

 private:
    bool injected_drop();

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    const directory::Relay* own_;  // this relay in the document; nullptr: not listed
    const Keyring& keyring_;
    base::Random& random_;
    double lab_drop_share_;
    boost::unordered_flat_map<base::MailboxId, TokenBucket, KeyedHash> clients_;
};

}  // namespace nightjar::relay
