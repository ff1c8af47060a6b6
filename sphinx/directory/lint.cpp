#include "sphinx/directory/lint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "sphinx/directory/key_times.hpp"
#include "sphinx/directory/parameter_fields.hpp"
#include "sphinx/directory/positions.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::directory {

namespace {

using Problems = std::vector<std::string>;

std::string per_second(Rate rate) {
    auto text = std::to_string(rate.per_second());
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + " a second";
}

/// A periodic stream whose gaps are long compared with the delays keeps its pattern through the
/// mixes: an observer of both ends of a flow distinguishes it from others by the arrival times
/// (docs/decisions/0015-one-slot-a-gap.md).
void check_beat(const std::string& what, std::uint64_t milli, const Parameters& parameters,
                Problems& found) {
    const auto gaps = static_cast<double>(milli) / 1000 * base::to_seconds(parameters.mean_delay);
    if (gaps >= gaps_in_delay_least) return;
    found.push_back("a mean delay is only " + std::to_string(gaps).substr(0, 4) + " gaps of " +
                    what + " long; the traffic law needs 2: raise their rate or mean_delay");
}

void check_parameters(const Parameters& parameters, Problems& found) {
    for (const auto& fact : parameter_fields()) {
        const auto value = fact.get(parameters);
        if (!fact.present(parameters) || (value >= fact.min && value <= fact.max)) continue;
        found.push_back(std::string{fact.name} + " is " + std::to_string(value) + ", not between " +
                        std::to_string(fact.min) + " and " + std::to_string(fact.max));
    }
    if (!found.empty()) return;  // the checks below calculate with them
    if (parameters.down < least_down(parameters))
        found.push_back("down is " + per_second(parameters.down) +
                        "; the traffic law needs at least " + per_second(least_down(parameters)) +
                        " for these replies and client_loops");
    if (parameters.mean_delay > mean_delay_most)
        found.push_back("mean_delay is more than 250 ms: exits would learn of changes too late");
    if (parameters.mixing.law == MixLaw::timed_pool &&
        parameters.mixing.interval > parameters.mean_delay)
        found.push_back("mixing_interval is longer than mean_delay");
    check_beat("the slots",
               std::uint64_t{parameters.main_slots.milli} + parameters.client_loops.milli,
               parameters, found);
    check_beat("the replies", parameters.replies.milli, parameters, found);
    // A main slot holds at most four SURBs beside data, and each reply spends one.
    if (parameters.replies.milli > std::uint64_t{2} * parameters.main_slots.milli)
        found.push_back(
            "replies are more than twice main_slots: a client could not send SURBs for "
            "them and have room for data");
    if (!parameters.lab && parameters.epoch_length < epoch_length_least)
        found.push_back("epoch_length is below 120 s, which only a lab network may have");
    if (parameters.key_grace() + KeyTimes::of(parameters.epoch_length).early >=
        parameters.epoch_length)
        found.push_back(
            "epoch_length is shorter than the longest route delay and the times before and after "
            "it for which its keys are accepted");
    if (parameters.session_lifetime % change_step != base::Seconds{0})
        found.push_back("session_lifetime is not a multiple of " +
                        std::to_string(change_step.count()) + " s");
    if (parameters.session_lifetime % parameters.session_grid != base::Seconds{0})
        found.push_back("session_grid does not divide session_lifetime");
}

/// What follows from the relays as well.
void check_hops(const Document& document, Problems& found) {
    if (document.parameters.fixed_hops > document.layers())
        found.push_back("fixed_hops is greater than the number of layers");
}

void check_validity(const Document& document, Problems& found) {
    const auto length = document.parameters.epoch_length;
    if (document.valid_from != epoch_start(document.epoch, length) ||
        document.valid_until != epoch_start(document.epoch, length) + 2 * length)
        found.push_back("the document is not valid from its epoch's start to the next one's end");
}

void check_shape(const Document& document, Problems& found) {
    std::size_t gateways = 0, exits = 0;
    std::set<std::uint8_t> layers;
    for (const auto& relay : document.relays) {
        if (relay.role == Role::mix) layers.insert(relay.layer);
        if (relay.role == Role::gateway) ++gateways;
        if (relay.is_exit()) ++exits;
    }
    if (layers.empty()) found.push_back("there is no mix");
    for (std::uint8_t layer = 1; layer < document.layers(); ++layer) {
        if (!layers.contains(layer))
            found.push_back("layer " + std::to_string(layer) + " has no mix");
    }
    if (gateways < 2)
        found.push_back("fewer than two gateways: an exit is never a client's own gateway");
    if (exits == 0) found.push_back("no gateway is an exit");
}

void check_relays(const Document& document, Problems& found) {
    std::set<base::NodeId> identities;
    std::set<base::LinkKey> links;
    std::set<base::MixKey> mixes;
    std::set<Endpoint> addresses;
    for (const auto& relay : document.relays) {
        const auto name = called(relay);
        if (const auto fault = relay_fault(relay, RelayForm::document))
            found.push_back(name + " cannot be listed: " + *fault);
        if (!identities.insert(relay.identity).second) found.push_back(name + " is listed twice");
        if (!links.insert(relay.link_key).second)
            found.push_back(name + " has another relay's link key");
        if (!mixes.insert(relay.mix_key).second || !mixes.insert(relay.next_mix_key).second)
            found.push_back(name + " has another relay's mix key");
        for (const auto& address : relay.addresses) {
            if (!addresses.insert(address).second)
                found.push_back(name + " has another relay's address " + to_text(address));
        }
    }
}

/// How often the relays' loops pass each mix. A relay's loop passes one relay of every other layer
/// (the gateways are one too) and ends at the relay itself.
class LoopShares {
 public:
    /// Keeps a reference to `document`.
    explicit LoopShares(const Document& document) : document_{document} {
        for (const auto& from : document.relays) {
            auto& choices = choices_.emplace_back();
            for (const auto& relay : document.relays)
                choices[relay.layer] += may_share_route(from, relay) ? 1 : 0;
        }
    }

    /// The mean number of packets at `mix` that are loops.
    double held(const Relay& mix) const {
        double passes = 0;
        for (std::size_t from = 0; from < choices_.size(); ++from)
            passes += share(from, mix);
        return passes * document_.parameters.relay_loops.per_second() *
               base::to_seconds(document_.parameters.mean_delay);
    }

 private:
    /// The probability that a loop passes `mix`: one in the number of relays to choose from.
    /// (Conflicts between the choices of two layers change this slightly and are ignored.)
    double share(std::size_t from, const Relay& mix) const {
        const auto& sender = document_.relays[from];
        if (sender.identity == mix.identity) return 1;
        if (sender.layer == mix.layer || !may_share_route(sender, mix)) return 0;
        return 1.0 / static_cast<double>(choices_[from][mix.layer]);
    }

    const Document& document_;
    /// For each relay of the document, the number of relays in each layer that its loops may pass.
    std::vector<std::array<std::size_t, layers_max + 1>> choices_;
};

void check_loops(const Document& document, Problems& found) {
    // What a release of a timed pool leaves behind; the same as `held` by the other laws.
    const auto& mixing = document.parameters.mixing;
    const auto stays = 1 - base::to_seconds(mixing.interval) /
                               (2 * base::to_seconds(document.parameters.mean_delay));
    const LoopShares loops{document};
    for (const auto& relay : document.relays) {
        if (relay.role != Role::mix) continue;
        const auto held = loops.held(relay);
        if (held * stays < mixing.keep)
            found.push_back("loops alone leave fewer than mixing_keep packets in " + called(relay) +
                            ": lower it, or raise relay_loops");
        if (held >= loops_held_least) continue;
        found.push_back("loops alone keep only " + std::to_string(held).substr(0, 4) +
                        " packets in " + called(relay) +
                        "; the traffic law needs 2: raise relay_loops or mean_delay");
    }
}

/// A client's exit never shares an operator or family with its gateway. Where operators keep to one
/// position, nothing else can leave a session without a route.
void check_exits(const Document& document, Problems& found) {
    base::SeededRandom random{1};  // any seed: whether there is an exit does not depend on it
    for (const auto& relay : document.relays)
        if (relay.role == Role::gateway && choose_exit(document, relay, random) != nullptr) return;
    found.push_back("no client has an exit: one operator or family has all gateways");
}

}  // namespace

Rate least_down(const Parameters& parameters) {
    const auto sum = std::uint64_t{parameters.replies.milli} + parameters.client_loops.milli;
    const auto least = std::max((12 * sum + 9) / 10, sum + 4'500);
    return {static_cast<std::uint32_t>(std::min<std::uint64_t>(least, UINT32_MAX))};
}

base::Milliseconds least_mean_delay(const Parameters& parameters) {
    const auto slots = std::uint64_t{parameters.main_slots.milli} + parameters.client_loops.milli;
    const auto slowest = std::min<std::uint64_t>(slots, parameters.replies.milli);
    return base::Milliseconds{static_cast<std::int64_t>(
        std::ceil(gaps_in_delay_least * 1'000'000 / static_cast<double>(slowest)))};
}

double loops_held(const Document& document, const Relay& mix) {
    return LoopShares{document}.held(mix);
}

std::vector<std::string> lint_parameters(const Parameters& parameters) {
    Problems found;
    check_parameters(parameters, found);
    return found;
}

std::vector<std::string> lint(const Document& document) {
    Problems found;
    check_parameters(document.parameters, found);
    check_hops(document, found);
    check_validity(document, found);
    check_relays(document, found);
    check_shape(document, found);
    for (const auto& pair : two_positions(document))
        found.push_back(to_text(pair));
    if (!found.empty()) return found;  // the checks below assume a valid structure
    check_exits(document, found);
    check_loops(document, found);
    return found;
}

}  // namespace nightjar::directory
