#include "relay/authority/core/reachability.hpp"

#include <algorithm>

namespace nightjar::relay::authority::core {

base::Wall Reachability::drawn(base::Wall from, base::Random& random) const {
    const auto count = static_cast<std::uint64_t>(part().count());
    return from + base::Milliseconds{static_cast<std::int64_t>(random.below(count))};
}

bool Reachability::is_unreachable(const Entry& entry) {
    const auto failures = std::count(entry.tries.begin(), entry.tries.end(), false);
    return failures >= static_cast<std::ptrdiff_t>(failures_needed) && !entry.tries.back();
}

void Reachability::list(const directory::Document& document,
                        const std::set<base::NodeId>& described, base::Wall now,
                        base::Random& random) {
    for (const auto& relay : document.relays) {
        const auto [at, added] = entries_.try_emplace(relay.identity);
        auto& entry = at->second;
        Target target{relay.identity, relay.link_key, relay.addresses};
        if (entry.target != target) entry.tries.clear();
        entry.target = std::move(target);
        entry.position = {relay.role, relay.layer};
        entry.listed = true;
        if (added) entry.next = drawn(now, random);
    }
    for (auto& [identity, entry] : entries_) {
        if (document.find(identity) != nullptr) continue;
        if (entry.listed) entry.unlisted = document.epoch;
        entry.listed = false;
    }
    std::erase_if(entries_, [&](const auto& held) {
        const auto& [identity, entry] = held;
        return !entry.listed && (!is_unreachable(entry) || !described.contains(identity) ||
                                 document.epoch.value >= entry.unlisted.value + epochs_unlisted);
    });
}

bool Reachability::tries_unlisted(const base::NodeId& relay) const {
    const auto found = entries_.find(relay);
    return found != entries_.end() && !found->second.listed;
}

void Reachability::move(const directory::Descriptor& descriptor) {
    const auto& relay = descriptor.relay;
    if (!tries_unlisted(relay.identity)) return;
    const Target target{relay.identity, relay.link_key, relay.addresses};
    if (entries_.at(relay.identity).target != target) entries_.erase(relay.identity);
}

std::optional<Reachability::Target> Reachability::take_due(base::Wall now, base::Random& random) {
    // The clock may have been put back.
    const auto is_due = [&](const Entry& entry) {
        return entry.next <= now || entry.next > now + 2 * part();
    };
    auto due = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); ++at)
        if (is_due(at->second) && (due == entries_.end() || at->second.next < due->second.next))
            due = at;
    if (due == entries_.end()) return std::nullopt;
    auto& entry = due->second;
    // The part that follows: of tries that were missed none is made up for.
    const auto into = now.time_since_epoch() % part();
    entry.next = drawn(now - into + part(), random);
    return entry.target;
}

void Reachability::tried(const base::NodeId& relay, bool reached, base::Wall now) {
    const auto found = entries_.find(relay);
    if (found == entries_.end()) return;
    auto& entry = found->second;
    if (!reached && (entry.tries.empty() || entry.tries.back())) entry.since = now;
    entry.tries.push_back(reached);
    if (entry.tries.size() > tries_kept) entry.tries.erase(entry.tries.begin());
}

std::optional<base::Wall> Reachability::unreachable_since(const base::NodeId& relay) const {
    const auto found = entries_.find(relay);
    if (found == entries_.end() || !is_unreachable(found->second)) return std::nullopt;
    return found->second.since;
}

std::optional<bool> Reachability::last_try(const base::NodeId& relay) const {
    const auto found = entries_.find(relay);
    if (found == entries_.end() || found->second.tries.empty()) return std::nullopt;
    return found->second.tries.back();
}

std::set<base::NodeId> Reachability::stated() const {
    std::map<Position, std::size_t> all, failed;
    for (const auto& [identity, entry] : entries_) {
        ++all[entry.position];
        if (is_unreachable(entry)) ++failed[entry.position];
    }
    std::set<base::NodeId> relays;
    for (const auto& [identity, entry] : entries_)
        if (is_unreachable(entry) && 2 * failed[entry.position] <= all[entry.position])
            relays.insert(identity);
    return relays;
}

}  // namespace nightjar::relay::authority::core
