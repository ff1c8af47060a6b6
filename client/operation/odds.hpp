// What an attacker with some of the relays would have of this client, by the relays that it keeps
// and for how long (docs/client.md, "Routes"). Estimates for the client's user. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::client::operation {

/// When the client will stop to use each of its relays.
struct KeptUntil {
    base::Wall gateway{};
    std::vector<base::Wall> exits;
    std::vector<base::Wall> mixes;
};

/// Chances that the attacker has, or has had, by then:
struct Odds {
    double gateway = 0;
    double exit = 0;   // one exit or more
    double both = 0;   // the gateway and an exit
    double route = 0;  // the gateway, an exit and a kept mix
};

/// How many relays a place has had after `horizon`, on average: its relay of now ends at `until`,
/// and each one after it is kept for a time drawn uniformly between `least` and `most`.
double relays_in_turn(base::Wall until, base::Wall now, base::Seconds horizon, base::Seconds least,
                      base::Seconds most);

/// If each relay that is drawn is the attacker's with the chance `bad`: then its relays have that
/// share of the capacity. It counts no relay that stands in for another one that is down.
/// `bad_exit`: the same for each exit, if it differs (exit_country.hpp).
Odds odds_after(const KeptUntil& kept, base::Wall now, base::Seconds horizon, double bad,
                std::optional<double> bad_exit = {});

}  // namespace nightjar::client::operation
