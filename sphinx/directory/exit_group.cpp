#include "sphinx/directory/exit_group.hpp"

#include <cmath>
#include <set>

#include "sphinx/directory/route.hpp"

namespace nightjar::directory {

ExitGroup exit_group(const Document& document, std::string_view country) {
    ExitGroup group;
    std::uint64_t inside = 0, whole = 0;
    std::vector<const Relay*> of_operators;  // one of each
    for (const auto& relay : document.relays) {
        if (!relay.is_exit()) continue;
        ++group.exits_in_all;
        whole += relay.capacity;
        if (relay.country != country) continue;
        ++group.exits;
        inside += relay.capacity;
        bool known = false;
        for (const auto* other : of_operators)
            known = known || !may_share_route(*other, relay);
        if (!known) of_operators.push_back(&relay);
    }
    group.operators = of_operators.size();
    if (whole > 0) group.share = static_cast<double>(inside) / static_cast<double>(whole);
    return group;
}

bool is_large(const ExitGroup& group) {
    return group.exits >= group_exits_least && group.operators >= group_operators_least &&
           group.exits * group_part >= group.exits_in_all;
}

std::vector<std::string> large_groups(const Document& document) {
    std::set<std::string> countries;
    for (const auto& relay : document.relays)
        if (relay.is_exit() && !relay.country.empty()) countries.insert(relay.country);
    std::vector<std::string> large;
    for (const auto& country : countries)
        if (is_large(exit_group(document, country))) large.push_back(country);
    return large;
}

std::optional<std::string> group_fault(const Document& document, std::string_view country) {
    const auto group = exit_group(document, country);
    if (is_large(group)) return std::nullopt;
    const auto number = [](std::size_t count) { return std::to_string(count); };
    std::string may;
    for (const auto& large : large_groups(document))
        may += (may.empty() ? "" : ", ") + large;
    return "only " + number(group.exits) + " of " + number(group.exits_in_all) +
           " exits state the country " + std::string{country} + ", of " + number(group.operators) +
           " operators; a group needs " + number(group_exits_least) + " exits of " +
           number(group_operators_least) + " operators, and an eighth of all (" +
           (may.empty() ? "no country has them" : "these have them: " + may) + ")";
}

double chance_by_luck(const ExitGroup& group, std::size_t exits) {
    return std::pow(group.share, static_cast<double>(exits));
}

double chosen_among(const ExitGroup& group, std::size_t exits, double choosers) {
    return choosers / (choosers + (1 - choosers) * chance_by_luck(group, exits));
}

}  // namespace nightjar::directory
