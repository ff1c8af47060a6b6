// What this authority's tries of relays and its loops mean for its documents: it follows which
// relays are listed, and keeps what it states. Reads documents; the owner dials (prober.hpp) and
// sends loops (looper.hpp). One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "relay/authority/archive.hpp"
#include "relay/authority/core/loop_losses.hpp"
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
    /// The relays that this authority states to be unreachable, or to lose packets.
    const std::set<base::NodeId>& stated() const { return stated_; }
    /// For the answer to a relay's descriptor: a clause that says that it was not reached, or that
    /// it loses packets; else empty.
    std::string remark(const base::NodeId& relay) const;

    core::Reachability& tries() { return tries_; }
    const core::Reachability& tries() const { return tries_; }

    /// What loops have shown.
    core::LoopLosses& losses() { return losses_; }
    /// After a sweep: which relays of this document lose packets, as losses() states them. A relay
    /// that no document lists gets no loops. So what was stated about it stays for epochs_unlisted
    /// epochs, or until it sends no descriptor for an epoch. Then it begins anew.
    void swept(const directory::Document& document,
               const std::map<base::NodeId, core::LoopLosses::Loss>& found, base::Wall now);
    /// The document that is valid now; nullptr: there is none, or it was not looked at yet.
    std::shared_ptr<const directory::Document> document(base::Wall now) const;

 private:
    struct Losing {
        core::LoopLosses::Loss loss;
        base::Wall since;
        std::optional<base::Epoch> unlisted;  // no document lists it since then
    };
    void follow_losing(const directory::Document& document,
                       const std::set<base::NodeId>& described);
    std::set<base::NodeId> all_stated() const;
    std::string reason(const base::NodeId& relay) const;

    base::Seconds length_;
    core::Reachability tries_;
    core::LoopLosses losses_;
    std::map<base::NodeId, Losing> losing_;
    std::shared_ptr<const directory::Document> document_;
    base::SystemRandom random_;
    base::Epoch listed_;  // of the document whose relays are tried
    std::set<base::NodeId> stated_;
};

}  // namespace nightjar::relay::authority
