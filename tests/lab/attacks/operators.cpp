#include "tests/lab/attacks/operators.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "sphinx/directory/route.hpp"

namespace nightjar::lab::attacks {
namespace {

constexpr unsigned layers = 3;
constexpr unsigned mixes_per_layer = 4;
constexpr unsigned mixes = layers * mixes_per_layer;
constexpr unsigned gateways = 12;
/// The adversary's practice routes come from sessions of this many routes, because a session keeps
/// some of its mixes.
constexpr unsigned routes_of_session = 20;

directory::Relay make_relay(std::uint8_t layer, unsigned place, const std::string& name_of_owner,
                            Owner owner) {
    directory::Relay relay;
    relay.identity.bytes[0] = static_cast<std::uint8_t>(layer + 1);  // not zero
    relay.identity.bytes[1] = static_cast<std::uint8_t>(place);
    relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
    relay.layer = layer;
    if (layer == 0) relay.exit_policy = "accept *:*";
    relay.name = std::to_string(layer) + "-" + std::to_string(place);
    relay.operator_name = owner == Owner::operator_name ? name_of_owner : "of-" + relay.name;
    if (owner == Owner::family) relay.family = name_of_owner;
    return relay;
}

}  // namespace

directory::Document operators_network(Positions positions, Owner owner) {
    const bool any = positions == Positions::any;
    directory::Document document;
    for (unsigned i = 0; i < gateways; ++i)
        document.relays.push_back(
            make_relay(0, i, "owner-" + std::to_string(any ? i : (mixes + i) / 2), owner));
    for (unsigned i = 0; i < mixes; ++i)
        document.relays.push_back(make_relay(static_cast<std::uint8_t>(1 + i / mixes_per_layer),
                                             i % mixes_per_layer,
                                             "owner-" + std::to_string(any ? i : i / 2), owner));
    directory::sort(document);
    return document;
}

const std::string& owner_of(const directory::Relay& relay, Owner owner) {
    return owner == Owner::operator_name ? relay.operator_name : relay.family;
}

OperatorAttack::OperatorAttack(const directory::Document& document, Insider insider, Owner owner,
                               unsigned practice, base::Random& random)
    : document_{document}, insider_{insider}, owner_{owner}, random_{random} {
    // The adversary runs three of the gateways. Where operators also run a mix, it is in layer 1,
    // 2 and 3.
    for (const auto& gateway : document.relays)
        for (const auto& exit : document.relays) {
            if (gateway.layer != 0 || exit.layer != 0) continue;
            if (!directory::may_share_route(gateway, exit)) continue;
            Pair pair{&gateway, &exit, {}, {}};
            if (near_end(pair).identity.bytes[1] % mixes_per_layer != 0) continue;
            practise(pair, practice);
            pairs_.push_back(std::move(pair));
        }
}

const directory::Relay& OperatorAttack::near_end(const Pair& pair) const {
    return insider_ == Insider::exit ? *pair.exit : *pair.gateway;
}

const directory::Relay& OperatorAttack::far_end(const Pair& pair) const {
    return insider_ == Insider::exit ? *pair.gateway : *pair.exit;
}

std::size_t OperatorAttack::next_hop(const Pair& pair, client::core::SessionRoutes& session) {
    const auto route = insider_ == Insider::exit
                           ? session.reply(document_, *pair.gateway, random_)
                           : session.forward(document_, *pair.gateway, random_);
    const auto* hop = route.value().at(insider_ == Insider::exit ? 0 : 1);
    return static_cast<std::size_t>(hop - document_.relays.data());
}

std::size_t OperatorAttack::next_hop_of_loop(const Pair& pair) {
    const auto route =
        directory::forward_route(document_, *pair.gateway, *pair.gateway, {}, random_);
    return static_cast<std::size_t>(route.value().at(1) - document_.relays.data());
}

/// Of the packets that the adversary counts. SURBs of a session are never loops.
double OperatorAttack::loop_share() const {
    if (insider_ == Insider::exit) return 0;
    const auto& law = document_.parameters;
    const auto loops = law.client_loops.per_second();
    return loops / (loops + law.main_slots.per_second());
}

void OperatorAttack::practise(Pair& pair, unsigned routes) {
    pair.packets.assign(document_.relays.size(), 0);
    pair.loops = pair.packets;
    for (unsigned i = 0; i < routes; i += routes_of_session) {
        client::core::SessionRoutes session{pair.exit->identity, document_.parameters.fixed_hops};
        for (unsigned k = 0; k < routes_of_session; ++k) {
            pair.packets[next_hop(pair, session)] += 1.0 / routes;
            pair.loops[next_hop_of_loop(pair)] += 1.0 / routes;
        }
    }
}

std::vector<const OperatorAttack::Pair*> OperatorAttack::possible(
    const directory::Relay& near) const {
    std::vector<const Pair*> found;
    for (const auto& pair : pairs_)
        if (near_end(pair).identity == near.identity) found.push_back(&pair);
    return found;
}

Guess OperatorAttack::guess(const Pair& truth, const Seen& seen) const {
    // A relay that was never drawn in practice is rare, and not impossible.
    constexpr double rare = 1e-6;
    const auto loop = loop_share();
    std::map<std::string, std::size_t> prior;
    std::map<std::string, double> best;  // log-likelihood; each owner's pairs are equally probable
    const auto candidates = possible(near_end(truth));
    for (const auto* pair : candidates) {
        double likelihood = 0;
        for (std::size_t i = 0; i < seen.all.size(); ++i)
            if (seen.all[i] > 0)
                likelihood += seen.all[i] * std::log(rare + (1 - loop) * pair->packets[i] +
                                                     loop * pair->loops[i]);
        const auto& name = owner_of(far_end(*pair), owner_);
        const auto [at, fresh] = best.emplace(name, likelihood);
        if (!fresh) at->second = std::max(at->second, likelihood);
        ++prior[name];
    }
    const auto most = std::max_element(best.begin(), best.end(), [](const auto& a, const auto& b) {
                          return a.second < b.second;
                      })->second;
    const auto ties = std::count_if(best.begin(), best.end(), [most](const auto& entry) {
        return entry.second >= most - 1e-9;
    });
    const auto& name = owner_of(far_end(truth), owner_);
    Guess made;
    if (best.at(name) >= most - 1e-9) made.right = 1.0 / static_cast<double>(ties);
    made.chance = static_cast<double>(prior.at(name)) / static_cast<double>(candidates.size());
    double loops = 0, known = 0;
    for (std::size_t i = 0; i < seen.loops.size(); ++i) {
        loops += seen.loops[i];
        if (truth.packets[i] <= 0) known += seen.loops[i];
    }
    if (loops > 0) made.known_loops = made.right * known / loops;
    made.in_first_layer = std::any_of(
        document_.relays.begin(), document_.relays.end(),
        [&](const auto& relay) { return relay.layer == 1 && owner_of(relay, owner_) == name; });
    return made;
}

std::vector<Guess> OperatorAttack::session(std::span<const double> seconds) {
    const auto& truth = pairs_[static_cast<std::size_t>(random_.below(pairs_.size()))];
    const auto& law = document_.parameters;
    client::core::SessionRoutes session{truth.exit->identity, law.fixed_hops};
    const auto rate = insider_ == Insider::exit
                          ? law.replies.per_second()
                          : law.main_slots.per_second() + law.client_loops.per_second();
    Seen seen{Shares(document_.relays.size()), Shares(document_.relays.size())};
    std::vector<Guess> guesses;
    double packets = 0;
    for (const auto until : seconds) {
        for (; packets < rate * until; ++packets) {
            const bool loop = random_.unit() < loop_share();
            const auto hop = loop ? next_hop_of_loop(truth) : next_hop(truth, session);
            ++seen.all[hop];
            if (loop) ++seen.loops[hop];
        }
        guesses.push_back(guess(truth, seen));
    }
    return guesses;
}

}  // namespace nightjar::lab::attacks
