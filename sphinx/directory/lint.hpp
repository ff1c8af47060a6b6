// Reasons for an authority to refuse to sign: documents that parse, but with which the network
// could not keep its traffic law (docs/traffic-law.md), or could not carry any packet.
#pragma once

#include <string>
#include <vector>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// Returns one sentence per problem, for the operator of the authority; empty if there is none. The
/// time is quadratic in the number of relays.
std::vector<std::string> lint(const Document& document);

/// The problems of these parameters with any relays; lint() has them too.
std::vector<std::string> lint_parameters(const Parameters& parameters);

/// The lowest downlink rate that the traffic law allows with these replies and loops: max(1.2 (R +
/// L), R + L + 4.5).
Rate least_down(const Parameters& parameters);

/// The mean number of packets at `mix` that are loops of relays: the rate of its own returning
/// loops and of the loops it forwards, times the mean delay. The time is quadratic in the number of
/// relays. Preconditions: `mix` is in `document`, and no layer is above layers_max.
double loops_held(const Document& document, const Relay& mix);
inline constexpr double loops_held_least = 2.0;

/// The longest mean delay allowed. Sessions announce a change of pace 8 s ahead, and every exit
/// must know it 5 s ahead. With five delays of mean 250 ms, 99 packets in 100 arrive in time; each
/// packet repeats the announcement.
inline constexpr base::Milliseconds mean_delay_most{250};

/// The least length of one mean delay, in mean gaps between slots or between replies.
inline constexpr double gaps_in_delay_least = 2.0;
/// The shortest mean delay allowed for these slots, loops and replies, in whole milliseconds.
/// Precondition: none of the rates is 0.
base::Milliseconds least_mean_delay(const Parameters& parameters);

}  // namespace nightjar::directory
