#include "client/core/guards.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "sphinx/directory/exit_group.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::client::core {

namespace {

using directory::Relay;

constexpr base::Seconds hour{3600};

bool within(base::Wall a, base::Wall b, base::Seconds most) {
    return (a < b ? b - a : a - b) < most;
}

const Relay* any_of(const std::vector<const Relay*>& relays, base::Random& random) {
    return relays[static_cast<std::size_t>(random.below(relays.size()))];
}

void clean(GuardList& list, std::size_t most, base::Wall latest) {
    std::set<base::NodeId> seen;
    std::erase_if(list.kept, [&](const Guard& guard) {
        return guard.relay.is_zero() || !seen.insert(guard.relay).second;
    });
    if (list.kept.size() > most) list.kept.resize(most);
    for (auto& guard : list.kept)
        guard.until = std::min(guard.until, latest);
    if (list.drawn.size() > guard_draws_an_hour) list.drawn.resize(guard_draws_an_hour);
}

}  // namespace

/// Which relays may be chosen now, and the list that they come from.
struct Guards::Choice {
    const directory::Document& document;
    GuardList& list;
    std::size_t in_use;                  // how many of the list
    std::size_t most;                    // its full length
    std::span<const base::NodeId> busy;  // chosen only if there is no other
    std::function<bool(const Relay&)> fits;

    bool is_busy(const Relay& relay) const {
        return std::find(busy.begin(), busy.end(), relay.identity) != busy.end();
    }
};

void Guards::restore(GuardState state, base::Wall now) {
    clean(state.exits, guard_exits_max, now + rules_.kept_max);
    clean(state.mixes, guard_mixes_max, now + rules_.kept_max);
    state_ = std::move(state);
    ++changes_;
}

const Relay* Guards::exit(const directory::Document& document, const Relay& gateway,
                          std::span<const base::NodeId> in_use, base::Wall now,
                          base::Random& random) {
    if (!country_.empty()) {
        if (!has_large_group(document)) return nullptr;
        make_room_for_country(document);
    }
    return choose({document, state_.exits, rules_.exits, guard_exits_max, in_use,
                   [this, &gateway](const Relay& relay) {
                       return relay.is_exit() && directory::may_share_route(relay, gateway) &&
                              in_country(relay);
                   }},
                  now, random);
}

bool Guards::may_use(const directory::Document& document, const Relay& exit) const {
    return in_country(exit) && has_large_group(document);
}

bool Guards::in_country(const Relay& exit) const {
    return country_.empty() || exit.country == country_;
}

bool Guards::has_large_group(const directory::Document& document) const {
    return country_.empty() || directory::is_large(directory::exit_group(document, country_));
}

/// The oldest exits of other countries go, so that the list has room for those of this one. As many
/// as have room stay: a user who changes the country back draws no new ones.
void Guards::make_room_for_country(const directory::Document& document) {
    auto& kept = state_.exits.kept;
    const auto elsewhere = [&](const Guard& guard) {
        const auto* relay = document.find(guard.relay);
        return relay != nullptr && relay->country != country_;
    };
    const auto room = static_cast<std::ptrdiff_t>(guard_exits_max - rules_.exits);
    while (std::count_if(kept.begin(), kept.end(), elsewhere) > room) {
        kept.erase(std::find_if(kept.begin(), kept.end(), elsewhere));
        ++changes_;
    }
}

const Relay* Guards::mix(const directory::Document& document, std::uint8_t layer,
                         const Relay& gateway, const Relay& exit, base::Wall now,
                         base::Random& random) {
    return choose({document,
                   state_.mixes,
                   rules_.mixes,
                   guard_mixes_max,
                   {},
                   [&, layer](const Relay& relay) {
                       return relay.layer == layer && directory::may_share_route(relay, gateway) &&
                              directory::may_share_route(relay, exit);
                   }},
                  now, random);
}

const Relay* Guards::choose(const Choice& choice, base::Wall now, base::Random& random) {
    auto& kept = choice.list.kept;
    if (std::erase_if(kept, [now](const Guard& guard) { return guard.until <= now; }) > 0)
        ++changes_;
    while (kept.size() < choice.in_use)
        if (draw(choice, now, random) == nullptr) break;

    std::vector<const Relay*> listed;
    for (const auto& guard : kept) {
        const auto* relay = choice.document.find(guard.relay);
        if (relay != nullptr && choice.fits(*relay)) listed.push_back(relay);
    }
    if (const auto* free = free_of(choice, listed, now, random)) return free;
    // If all are busy and none has failed, applications need one more session.
    const bool needed = std::none_of(listed.begin(), listed.end(), [&](const Relay* relay) {
        return avoided(relay->identity, now);
    });
    // Another network, or one that has changed throughout.
    if (listed.empty() && kept.size() >= choice.most) kept.erase(kept.begin());
    if (kept.size() < choice.most && (needed || may_draw_early(choice.list, now))) {
        if (const auto* drawn = draw(choice, now, random)) {
            if (!needed) choice.list.drawn.push_back(now);
            return drawn;
        }
    }
    return least_bad_of(listed, now, random);
}

/// One of the relays in use at random, else the first of the others; nullptr if each is busy or
/// avoided.
const Relay* Guards::free_of(const Choice& choice, const std::vector<const Relay*>& listed,
                             base::Wall now, base::Random& random) const {
    std::vector<const Relay*> free;
    for (std::size_t i = 0; i < listed.size(); ++i) {
        if (i >= choice.in_use && !free.empty()) break;
        if (!avoided(listed[i]->identity, now) && !choice.is_busy(*listed[i]))
            free.push_back(listed[i]);
    }
    return free.empty() ? nullptr : any_of(free, random);
}

/// Each is busy or has failed lately. A second session at an exit is better than none; among those
/// that failed, the one whose failure is longest ago.
const Relay* Guards::least_bad_of(const std::vector<const Relay*>& listed, base::Wall now,
                                  base::Random& random) const {
    if (listed.empty()) return nullptr;
    std::vector<const Relay*> busy;
    for (const auto* relay : listed)
        if (!avoided(relay->identity, now)) busy.push_back(relay);
    if (!busy.empty()) return any_of(busy, random);
    return *std::min_element(listed.begin(), listed.end(), [this](const auto* a, const auto* b) {
        return failed_.at(a->identity) < failed_.at(b->identity);
    });
}

/// Adds a relay to the list: any that the list does not hold, weighted by capacity.
const Relay* Guards::draw(const Choice& choice, base::Wall now, base::Random& random) {
    std::vector<const Relay*> candidates;
    std::uint64_t total = 0;
    for (const auto& relay : choice.document.relays) {
        if (!choice.fits(relay)) continue;
        if (std::any_of(choice.list.kept.begin(), choice.list.kept.end(),
                        [&](const Guard& guard) { return guard.relay == relay.identity; }))
            continue;
        candidates.push_back(&relay);
        total += relay.capacity;
    }
    if (total == 0) return nullptr;
    auto place = random.below(total);
    auto chosen = candidates.begin();
    for (; place >= (*chosen)->capacity; ++chosen)
        place -= (*chosen)->capacity;
    const auto spread = static_cast<std::uint64_t>((rules_.kept_max - rules_.kept_min).count());
    const base::Seconds kept_for =
        rules_.kept_min + base::Seconds{static_cast<std::int64_t>(random.below(spread))};
    choice.list.kept.push_back({(*chosen)->identity, now + kept_for});
    ++changes_;
    return *chosen;
}

bool Guards::may_draw_early(GuardList& list, base::Wall now) {
    // A draw of the last hour counts, and one up to an hour ahead as well: the clock was set back.
    if (std::erase_if(list.drawn, [now](base::Wall drawn) { return !within(drawn, now, hour); }) >
        0)
        ++changes_;
    return list.drawn.size() < guard_draws_an_hour;
}

bool Guards::avoided(const base::NodeId& relay, base::Wall now) const {
    const auto found = failed_.find(relay);
    return found != failed_.end() && within(found->second, now, guard_avoided);
}

void Guards::failed(const base::NodeId& relay, base::Wall now) {
    std::erase_if(failed_,
                  [now](const auto& entry) { return !within(entry.second, now, guard_avoided); });
    failed_[relay] = now;
}

}  // namespace nightjar::client::core
