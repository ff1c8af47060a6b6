// What a user who chose exits of one country should know: how many exits there are, and what the
// choice costs in anonymity (docs/anonymity.md, "Exits of one country"). Pure.
#pragma once

#include <string>
#include <vector>

#include "sphinx/directory/exit_group.hpp"

namespace nightjar::client::operation {

/// The figures assume that this share of all clients chooses the group.
inline constexpr double choosers_assumed = 0.05;

/// The chance that an attacker with `bad` of all capacity has one given exit of the group, if all
/// its relays are there: an attacker who wants the users of one country needs no others.
double bad_in_group(const directory::ExitGroup& group, double bad);

/// Sentences for people. The first has the group's size; the others have its cost.
std::vector<std::string> cost_of(const directory::ExitGroup& group, const std::string& country,
                                 double bad);

}  // namespace nightjar::client::operation
