#include "client/operation/odds.hpp"

#include <cmath>

#include "client/core/guards.hpp"
#include "client/operation/state.hpp"

namespace nightjar::client::operation {

namespace {

double chance_of_one(double relays, double bad) {
    return 1 - std::pow(1 - bad, relays);
}

}  // namespace

double relays_in_turn(base::Wall until, base::Wall now, base::Seconds horizon, base::Seconds least,
                      base::Seconds most) {
    const auto past = std::chrono::duration<double>(now + horizon - until).count();
    if (past < 0) return 1;
    const auto mean = std::chrono::duration<double>(least + most).count() / 2;
    return 2 + past / mean;
}

Odds odds_after(const KeptUntil& kept, base::Wall now, base::Seconds horizon, double bad,
                std::optional<double> bad_exit) {
    const core::GuardRules rules;
    double exits = 0, mixes = 0;
    for (const auto until : kept.exits)
        exits += relays_in_turn(until, now, horizon, rules.kept_min, rules.kept_max);
    for (const auto until : kept.mixes)
        mixes += relays_in_turn(until, now, horizon, rules.kept_min, rules.kept_max);
    const auto gateways =
        relays_in_turn(kept.gateway, now, horizon, gateway_kept_min, gateway_kept_max);
    Odds odds;
    odds.gateway = chance_of_one(gateways, bad);
    odds.exit = chance_of_one(exits, bad_exit.value_or(bad));
    odds.both = odds.gateway * odds.exit;
    odds.route = odds.both * chance_of_one(mixes, bad);
    return odds;
}

}  // namespace nightjar::client::operation
