// What this authority's tries of relays mean for its documents: it follows which relays are listed,
// and keeps what it states. Reads documents; the owner dials (prober.hpp). One thread.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "relay/authority/archive.hpp"
#include "relay/authority/core/reachability.hpp"

namespace nightjar::relay::authority {

class Reach {
 public:
    explicit Reach(base::Seconds epoch_length) : length_{epoch_length}, tries_{epoch_length} {}

    /// The relays that have sent a descriptor for an epoch.
    using Described = std::function<std::set<base::NodeId>(base::Epoch)>;
    /// Call every second. True if the statement has changed.
    bool look(const Archive& archive, const Described& described, base::Wall now);
    /// A descriptor that has come: a relay that was left out may have new addresses.
    void hear(std::string_view descriptor);
    /// The relays that this authority states to be unreachable.
    const std::set<base::NodeId>& stated() const { return stated_; }
    /// For the answer to a relay's descriptor: a clause that says that it was not reached; else
    /// empty.
    std::string remark(const base::NodeId& relay) const;

    core::Reachability& tries() { return tries_; }
    const core::Reachability& tries() const { return tries_; }

 private:
    base::Seconds length_;
    core::Reachability tries_;
    base::SystemRandom random_;
    base::Epoch listed_;  // of the document whose relays are tried
    std::set<base::NodeId> stated_;
};

}  // namespace nightjar::relay::authority
