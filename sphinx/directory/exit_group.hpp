// A group of exits among which a client may choose: those that state one country. Who chooses a
// group hides among those who chose the same, so only a few large groups may be chosen
// (docs/anonymity.md, "Exits of one country").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

inline constexpr std::size_t group_exits_least = 6;
inline constexpr std::size_t group_operators_least = 3;
/// A group has at least one of so many of all exits, so there are at most eight groups.
inline constexpr std::size_t group_part = 8;

struct ExitGroup {
    std::size_t exits = 0;
    std::size_t operators = 0;  // a family, and an exit without an operator, count as one each
    std::size_t exits_in_all = 0;
    double share = 0;  // of the capacity of all exits
};
ExitGroup exit_group(const Document& document, std::string_view country);

/// True if a client may choose it.
bool is_large(const ExitGroup& group);

/// The countries of all groups that a client may choose, sorted.
std::vector<std::string> large_groups(const Document& document);

/// Why no client may choose this group, with its sizes and the groups that may be chosen, as a
/// clause. nullopt: it may.
std::optional<std::string> group_fault(const Document& document, std::string_view country);

/// The chance that a client which chose no group keeps `exits` exits that are all of the group,
/// drawn by capacity (about: it counts no exit that is drawn already).
double chance_by_luck(const ExitGroup& group, std::size_t exits);

/// Of the clients whose kept exits are all of the group, the share that chose it, if `choosers` of
/// all clients did: how surely an observer of the exits knows that a client chose.
double chosen_among(const ExitGroup& group, std::size_t exits, double choosers);

}  // namespace nightjar::directory
