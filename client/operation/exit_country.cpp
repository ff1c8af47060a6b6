#include "client/operation/exit_country.hpp"

#include <algorithm>
#include <cstdio>

#include "client/core/guards.hpp"

namespace nightjar::client::operation {

namespace {

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, share < 0.01 ? "%.2f %%" : "%.0f %%", 100 * share);
    return text;
}

}  // namespace

double bad_in_group(const directory::ExitGroup& group, double bad) {
    return group.share > 0 ? std::min(1.0, bad / group.share) : 1.0;
}

std::vector<std::string> cost_of(const directory::ExitGroup& group, const std::string& country,
                                 double bad) {
    const auto exits = core::GuardRules{}.exits;
    return {std::to_string(group.exits) + " of " + std::to_string(group.exits_in_all) +
                " exits state " + country + " (" + percent(group.share) +
                " of their capacity), of " + std::to_string(group.operators) +
                " operators; nothing checks what they state",
            "you hide among the clients that chose " + country +
                ", not among all: a client that "
                "chose nothing has all its exits there with a chance of " +
                percent(directory::chance_by_luck(group, exits)) + ", so if " +
                percent(choosers_assumed) + " of all clients choose " + country +
                ", an attacker who knows your exits is " +
                percent(directory::chosen_among(group, exits, choosers_assumed)) +
                " sure that you are one of them",
            "relays with " + percent(bad) + " of all exits' capacity are up to " +
                percent(bad_in_group(group, bad)) + " of the capacity there"};
}

}  // namespace nightjar::client::operation
