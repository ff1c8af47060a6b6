#include "tests/lab/attacks/lasting.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "relay/authority/core/layers.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::lab::attacks {
namespace {

using directory::Relay;
using relay::authority::core::PlacedGroup;

constexpr base::Seconds day{86'400};
constexpr base::Seconds step{600};  // how often a client notices that a relay is down
constexpr base::Seconds avoided = client::core::guard_avoided;
constexpr double leaves_a_day = 0.01;     // share of the honest relays
constexpr double goes_down_a_day = 0.05;  // one honest relay in 20 days
constexpr base::Seconds down_mean{6 * 3600};
constexpr std::uint32_t first_day = 100;  // relays of the begin joined in the days before
const base::Wall begin{base::Seconds{1'800'000'000}};

std::uint32_t number_of(const base::NodeId& relay) {
    return static_cast<std::uint32_t>(relay.bytes[2] << 16 | relay.bytes[3] << 8 | relay.bytes[4]);
}

/// One client's choice of exits and middle mixes, by the old rule or the new one.
class Chooser {
 public:
    Chooser(const std::optional<client::core::GuardRules>& rules, base::Random& random)
        : random_{random} {
        if (rules) guards_.emplace(*rules);
    }

    const Relay* exit(const directory::Document& document, const Relay& gateway,
                      const std::vector<base::NodeId>& in_use, base::Seconds now) {
        if (guards_) return guards_->exit(document, gateway, in_use, begin + now, random_);
        const Relay* drawn = nullptr;
        for (int i = 0; i < 32; ++i) {
            drawn = directory::choose_exit(document, gateway, random_);
            if (drawn == nullptr) return nullptr;
            const auto found = dead_.find(drawn->identity);
            const bool dead = found != dead_.end() && now - found->second <= avoided;
            const bool busy =
                std::find(in_use.begin(), in_use.end(), drawn->identity) != in_use.end();
            if (!dead && !busy) return drawn;
        }
        return drawn;
    }
    const Relay* mix(const directory::Document& document, const Relay& gateway, const Relay& exit,
                     base::Seconds now) {
        if (guards_) return guards_->mix(document, 2, gateway, exit, begin + now, random_);
        const auto mixes = directory::choose_mixes(document, {&gateway, &exit}, {}, random_);
        return mixes->at(1);
    }
    /// The client does not know which of the two is down if it has no other session.
    void failed(const base::NodeId& exit, const base::NodeId& mix, base::Seconds now) {
        dead_[exit] = now;
        if (!guards_) return;
        guards_->failed(exit, begin + now);
        guards_->failed(mix, begin + now);
    }

 private:
    base::Random& random_;
    std::optional<client::core::Guards> guards_;
    std::map<base::NodeId, base::Seconds> dead_;
};

}  // namespace

bool ChangingNetwork::by_rule() const {
    return layering_ != Layering::middle && layering_ != Layering::fixed;
}

ChangingNetwork::ChangingNetwork(unsigned days, double bad, base::Random& random, Layering layering)
    : layering_{layering}, bad_share_{bad} {
    fill(bad, random);
    for (unsigned at = 0; at < days; ++at) {
        turn(at, random);
        if (by_rule()) place(random);
        directory::sort(now_);
        documents_.push_back(now_);
    }
}

void ChangingNetwork::fill(double bad, base::Random& random) {
    const auto bad_relays = static_cast<unsigned>(std::lround(bad * lasting_relays));
    const bool middle = layering_ == Layering::middle;
    if (middle)
        for (const std::uint8_t layer : {1, 3})
            add(layer, false, {});
    add(0, false, {});  // the client's gateway, which is not an exit
    now_.relays.back().exit_policy.clear();
    for (unsigned i = 0; i < lasting_relays; ++i)
        for (const std::uint8_t layer : {0, 2, 1, 3}) {
            if (middle && layer % 2 == 1) continue;
            const bool is_bad = i < bad_relays;
            const bool split = is_bad && layering_ == Layering::placed_split && layer != 0;
            const bool oldest =
                middle || (is_bad && layering_ == Layering::placed_old) || (split && layer == 2);
            std::uint32_t joined = 0;
            if (split && layer != 2)
                joined = first_day - 1;
            else if (!oldest)
                joined = static_cast<std::uint32_t>(1 + random.below(first_day - 1));
            add(layer, is_bad, {joined});
        }
    // The first placing takes the layers as new: nothing of the order above remains.
    if (by_rule())
        for (auto& relay : now_.relays)
            relay.layer = 0;
}

/// Some honest relays leave, as many join, and some are down for hours.
void ChangingNetwork::turn(unsigned day_number, base::Random& random) {
    std::vector<std::uint8_t> left;
    std::erase_if(now_.relays, [&](const Relay& relay) {
        const bool changes = relay.role == directory::Role::mix
                                 ? layering_ != Layering::middle || relay.layer == 2
                                 : relay.is_exit();
        const bool leaves = changes && !ChangingNetwork::bad(relay) && random.unit() < leaves_a_day;
        if (leaves)
            left.push_back(
                relay.role == directory::Role::mix ? std::max<std::uint8_t>(relay.layer, 1) : 0);
        return leaves;
    });
    for (const auto layer : left)
        add(layer, false, {first_day + day_number});
    for (const auto& relay : now_.relays) {
        if (ChangingNetwork::bad(relay) || random.unit() >= goes_down_a_day) continue;
        const auto from =
            day_number * day + base::Seconds{static_cast<std::int64_t>(random.below(86'400))};
        const auto length =
            std::chrono::duration_cast<base::Seconds>(random.exponential(down_mean));
        down_[number_of(relay.identity)].emplace_back(from, from + length);
    }
}

/// Each relay is an operator of its own, so it is a group of its own.
void ChangingNetwork::place(base::Random& random) {
    std::vector<PlacedGroup> groups;
    for (const auto& relay : now_.relays)
        if (relay.role == directory::Role::mix)
            groups.push_back({relay.identity, 1, since_.at(relay.identity), relay.layer});
    relay::authority::core::Randomness drawn;
    random.fill(drawn);
    relay::authority::core::place(groups, drawn);
    std::map<base::NodeId, std::uint8_t> layers;
    for (const auto& group : groups)
        layers[group.id] = group.layer;
    for (auto& relay : now_.relays) {
        if (relay.role != directory::Role::mix) continue;
        const auto to = layers.at(relay.identity);
        if (relay.layer != 0) ++(relay.layer == to ? stayed_ : moved_);
        relay.layer = to;
    }
}

void ChangingNetwork::add(std::uint8_t layer, bool bad, base::Epoch since) {
    Relay relay;
    relay.identity.bytes[0] = static_cast<std::uint8_t>(layer + 1);
    relay.identity.bytes[1] = bad ? 1 : 0;
    relay.identity.bytes[2] = static_cast<std::uint8_t>(last_ >> 16);
    relay.identity.bytes[3] = static_cast<std::uint8_t>(last_ >> 8);
    relay.identity.bytes[4] = static_cast<std::uint8_t>(last_);
    relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
    const bool waits = since.value >= first_day && layer != 0 && by_rule();
    relay.layer = waits ? 0 : layer;
    if (layer == 0) relay.exit_policy = "accept *:*";
    relay.operator_name = "of-" + std::to_string(last_++);
    since_[relay.identity] = since;
    now_.relays.push_back(std::move(relay));
    down_.emplace_back();
}

double ChangingNetwork::bad_in(std::uint8_t layer, base::Seconds since_begin) const {
    unsigned all = 0, bad_ones = 0;
    for (const auto& relay : document(since_begin).relays) {
        if (relay.layer != layer) continue;
        ++all;
        if (bad(relay)) ++bad_ones;
    }
    return all == 0 ? 0 : static_cast<double>(bad_ones) / all;
}

double ChangingNetwork::outer_bad(base::Seconds since_begin) const {
    if (layering_ == Layering::middle) return bad_share_ * bad_share_;
    return bad_in(1, since_begin) * bad_in(3, since_begin);
}

double ChangingNetwork::moved_a_day() const {
    const auto all = moved_ + stayed_;
    return all == 0 ? 0 : static_cast<double>(moved_) / static_cast<double>(all);
}

const directory::Document& ChangingNetwork::document(base::Seconds since_begin) const {
    return documents_.at(static_cast<std::size_t>(since_begin / day));
}

const Relay& ChangingNetwork::gateway(base::Seconds since_begin) const {
    const auto& relays = document(since_begin).relays;
    return *std::find_if(relays.begin(), relays.end(),
                         [](const Relay& relay) { return relay.layer == 0 && !relay.is_exit(); });
}

bool ChangingNetwork::down(const base::NodeId& relay, base::Seconds since_begin) const {
    const auto& times = down_[number_of(relay)];
    return std::any_of(times.begin(), times.end(), [since_begin](const auto& time) {
        return time.first <= since_begin && since_begin < time.second;
    });
}

Met live(const ChangingNetwork& network, const std::optional<client::core::GuardRules>& rules,
         base::Random& random) {
    const directory::Parameters law;
    const auto routes_a_second = law.main_slots.per_second() + law.replies.per_second();
    Chooser chooser{rules, random};
    Met met;
    std::set<base::NodeId> exits, mixes;
    std::vector<base::NodeId> in_use;  // the session before this one lingers for as long
    base::NodeId exit, mix;
    for (base::Seconds now{}; now < network.days() * day; now += step) {
        const auto& document = network.document(now);
        const auto is_down = [&](const base::NodeId& relay) {
            return document.find(relay) == nullptr || network.down(relay, now);
        };
        const auto* kept = document.find(mix);
        const bool moved = kept != nullptr && kept->layer != 2;
        bool open = now % law.session_lifetime == base::Seconds{0};
        for (int tries = 0; tries < 5; ++tries) {
            if (!exit.is_zero() && (is_down(exit) || is_down(mix) || (moved && tries == 0))) {
                if (!open) ++met.failed;
                chooser.failed(exit, mix, now);
                open = true;
            } else if (!open) {
                break;
            }
            open = false;
            if (!exit.is_zero()) in_use = {exit};
            const auto& gateway = network.gateway(now);
            const auto* to = chooser.exit(document, gateway, in_use, now);
            const auto* via = chooser.mix(document, gateway, *to, now);
            exit = to->identity;
            mix = via->identity;
            exits.insert(exit);
            mixes.insert(mix);
            if (!met.bad_exit && ChangingNetwork::bad(*to)) met.bad_exit = now;
        }
        if (!met.bad_route && ChangingNetwork::bad(*document.find(mix))) {
            const auto wait =
                -std::log1p(-random.unit()) / (routes_a_second * network.outer_bad(now));
            if (wait < static_cast<double>(step.count()))
                met.bad_route = now + base::Seconds{static_cast<std::int64_t>(wait)};
        }
    }
    met.exits = exits.size();
    met.mixes = mixes.size();
    return met;
}

std::optional<base::Seconds> driven(const ChangingNetwork& network,
                                    const std::optional<client::core::GuardRules>& rules,
                                    base::Random& random) {
    Chooser chooser{rules, random};
    std::vector<base::NodeId> in_use;
    for (base::Seconds now{}; now < day; now += base::Seconds{15}) {
        const auto& document = network.document(now);
        const auto& gateway = network.gateway(now);
        const auto* exit = chooser.exit(document, gateway, in_use, now);
        if (ChangingNetwork::bad(*exit)) return now;
        const auto* mix = chooser.mix(document, gateway, *exit, now);
        chooser.failed(exit->identity, mix->identity, now);
        in_use = {exit->identity};
    }
    return std::nullopt;
}

}  // namespace nightjar::lab::attacks
