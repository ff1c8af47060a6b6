#include "sphinx/directory/route.hpp"

#include <algorithm>
#include <span>

namespace nightjar::directory {

namespace {

bool fits(const Relay& candidate, std::span<const Relay* const> others) {
    return std::all_of(others.begin(), others.end(), [&candidate](const Relay* other) {
        return may_share_route(candidate, *other);
    });
}

/// The possible relays for each position of a route.
using Candidates = std::vector<std::vector<const Relay*>>;

/// Draws uniformly among all choices without a conflict (with `ends` neither): draws a relay for
/// each position i with `draw(i)`, and keeps the route if it has no conflict. Returns nullopt also
/// if `draw` returns nullptr because it found no relay. In a network with a handful of operators
/// almost every draw is valid; if none of `draws_max` is, a valid choice is rare or does not exist.
template <class Draw>
std::optional<Route> draw_uniformly(std::size_t places, std::span<const Relay* const> ends,
                                    int draws_max, const Draw& draw) {
    Route route(places);
    for (int i = 0; i < draws_max; ++i) {
        bool good = true;
        for (std::size_t place = 0; place < places && good; ++place) {
            route[place] = draw(place);
            if (route[place] == nullptr) return std::nullopt;
            good = fits(*route[place], ends) && fits(*route[place], std::span{route}.first(place));
        }
        if (good) return route;
    }
    return std::nullopt;
}

/// Draws a relay of a layer uniformly; nullptr if `draws_max` draws found none. A client needs
/// three of them in every slot and for each SURB: too often to scan a large document.
const Relay* draw_of_layer(const Document& document, std::uint8_t layer, base::Random& random) {
    constexpr int draws_max = 64;
    for (int draw = 0; draw < draws_max && !document.relays.empty(); ++draw) {
        const auto& relay =
            document.relays[static_cast<std::size_t>(random.below(document.relays.size()))];
        if (relay.layer == layer) return &relay;
    }
    return nullptr;
}

/// Depth-first search over shuffled candidates: finds a choice if there is one.
bool search(const Candidates& candidates, Route& route) {
    if (route.size() == candidates.size()) return true;
    for (const auto* candidate : candidates[route.size()]) {
        if (!fits(*candidate, route)) continue;
        route.push_back(candidate);
        if (search(candidates, route)) return true;
        route.pop_back();
    }
    return false;
}

std::optional<Route> choose(Candidates candidates, base::Random& random) {
    for (const auto& place : candidates) {
        if (place.empty()) return std::nullopt;
    }
    auto route = draw_uniformly(candidates.size(), {}, 200, [&](std::size_t place) {
        const auto& there = candidates[place];
        return there[static_cast<std::size_t>(random.below(there.size()))];
    });
    if (route) return route;
    for (auto& place : candidates)
        random.shuffle(place);
    Route found;
    if (!search(candidates, found)) return std::nullopt;
    return found;
}

/// The mixes of a layer, or the gateways (layer 0), that do not conflict with `ends`.
std::vector<const Relay*> candidates_of(const Document& document, std::uint8_t layer,
                                        std::span<const Relay* const> ends) {
    std::vector<const Relay*> found;
    for (const auto& relay : document.relays) {
        if (relay.layer == layer && fits(relay, ends)) found.push_back(&relay);
    }
    return found;
}

}  // namespace

bool may_share_route(const Relay& a, const Relay& b) {
    if (a.identity == b.identity) return false;
    if (!a.operator_name.empty() && a.operator_name == b.operator_name) return false;
    return a.family.empty() || a.family != b.family;
}

std::optional<Route> choose_mixes(const Document& document, const std::vector<const Relay*>& ends,
                                  const std::vector<const Relay*>& kept, base::Random& random) {
    const auto kept_in = [&kept](std::size_t place) {
        return place < kept.size() ? kept[place] : nullptr;
    };
    const std::size_t layers = document.layers();
    for (std::size_t place = 0; place < layers; ++place)
        if (const auto* stays = kept_in(place))
            if (stays->layer != place + 1 || !fits(*stays, ends)) return std::nullopt;
    // Only a few draws: if the ends exclude a whole layer, the candidate lists below detect that.
    auto drawn = draw_uniformly(layers, ends, 20, [&](std::size_t place) {
        if (const auto* stays = kept_in(place)) return stays;
        return draw_of_layer(document, static_cast<std::uint8_t>(place + 1), random);
    });
    if (drawn) return drawn;
    Candidates candidates;
    for (std::size_t place = 0; place < layers; ++place) {
        if (const auto* stays = kept_in(place))
            candidates.push_back({stays});
        else
            candidates.push_back(
                candidates_of(document, static_cast<std::uint8_t>(place + 1), ends));
    }
    return choose(std::move(candidates), random);
}

std::optional<Route> forward_route(const Document& document, const Relay& gateway,
                                   const Relay& last, const std::vector<const Relay*>& kept,
                                   base::Random& random) {
    // A loop starts and ends at the same gateway. Otherwise the two ends must not conflict.
    const bool loop = gateway.identity == last.identity;
    if (!loop && !may_share_route(gateway, last)) return std::nullopt;
    auto route = choose_mixes(document, {&gateway, &last}, kept, random);
    if (!route) return std::nullopt;
    route->insert(route->begin(), &gateway);
    route->push_back(&last);
    return route;
}

std::optional<Route> reply_route(const Document& document, const Relay& exit, const Relay& gateway,
                                 const std::vector<const Relay*>& kept, base::Random& random) {
    if (!may_share_route(exit, gateway)) return std::nullopt;
    auto route = choose_mixes(document, {&exit, &gateway}, kept, random);
    if (route) route->push_back(&gateway);
    return route;
}

std::optional<Route> relay_loop_route(const Document& document, const Relay& self,
                                      base::Random& random) {
    const unsigned places = document.layers() + 1u;  // layer 0: the gateways
    const Relay* ends[] = {&self};
    Candidates candidates;
    for (unsigned step = 1; step < places; ++step) {
        const auto layer = static_cast<std::uint8_t>((self.layer + step) % places);
        candidates.push_back(candidates_of(document, layer, ends));
    }
    auto route = choose(std::move(candidates), random);
    if (route) route->push_back(&self);
    return route;
}

const Relay* choose_exit(const Document& document, const Relay& gateway, base::Random& random) {
    std::vector<const Relay*> exits;
    for (const auto& relay : document.relays) {
        if (relay.is_exit() && may_share_route(relay, gateway)) exits.push_back(&relay);
    }
    return exits.empty() ? nullptr : exits[static_cast<std::size_t>(random.below(exits.size()))];
}

bool may_forward(const Document& document, const Relay& from, const Relay& to) {
    // Called for every packet, so the document is searched for its last layer only if necessary.
    if (to.layer != 0) return to.layer == from.layer + 1u;
    return from.layer != 0 && (from.layer == layers_max || from.layer == document.layers());
}

}  // namespace nightjar::directory
