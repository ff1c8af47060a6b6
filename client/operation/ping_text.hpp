// What `nightjar ping` says after its last answer: how many came, and how long they took, as a
// histogram. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace nightjar::client::operation {

/// `round_trips`: of the answered ones, in milliseconds. Several lines; none if nothing was sent.
std::string ping_summary(std::vector<double> round_trips, std::size_t lost);

}  // namespace nightjar::client::operation
