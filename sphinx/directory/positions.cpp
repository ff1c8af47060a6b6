#include "sphinx/directory/positions.hpp"

#include <map>
#include <set>

#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::directory {

namespace {

std::string place_of(const Relay& relay) {
    return relay.layer == 0 ? "a gateway" : "a mix of layer " + std::to_string(relay.layer);
}

void find_pairs(const Document& document, std::string Relay::*name, bool family,
                std::vector<TwoPositions>& found) {
    std::map<std::string_view, const Relay*> first;
    std::set<std::string_view> reported;
    for (const auto& relay : document.relays) {
        if ((relay.*name).empty()) continue;
        const auto* other = first.emplace(relay.*name, &relay).first->second;
        if (other->layer != relay.layer && reported.insert(relay.*name).second)
            found.push_back({other, &relay, family});
    }
}

}  // namespace

std::vector<TwoPositions> two_positions(const Document& document) {
    std::vector<TwoPositions> found;
    find_pairs(document, &Relay::operator_name, false, found);
    find_pairs(document, &Relay::family, true, found);
    return found;
}

std::string to_text(const TwoPositions& pair) {
    const std::string kind = pair.family ? "family" : "operator";
    const auto& name = pair.family ? pair.first->family : pair.first->operator_name;
    return kind + " " + name + " has two positions: " + called(*pair.first) + " is " +
           place_of(*pair.first) + " and " + called(*pair.second) + " is " +
           place_of(*pair.second) + "; give all relays of one " + kind +
           " the same position, or leave one of the two out";
}

}  // namespace nightjar::directory
