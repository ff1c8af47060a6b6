// What an authority refuses to sign: documents that parse, but under which the network could not
// keep its law (docs/traffic-law.md) or could not carry a packet at all.
#pragma once

#include <string>
#include <vector>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// One sentence per problem, for the terminal of whoever signs; empty if there is none. Takes time
/// quadratic in the number of relays.
std::vector<std::string> problems(const Document& document);

/// The least downlink rate that the law allows with these replies and loops:
/// max(1.2 (R + L), R + L + 4.5).
Rate least_down(const Parameters& parameters);

/// Mean number of packets that loops of relays alone hold at a mix: its own loops' returns and
/// those that it forwards, per second, times the mean delay. Precondition: `mix` is in `document`.
double loops_held(const Document& document, const Relay& mix);
inline constexpr double loops_held_least = 2.0;

/// Mean gaps of a beat, of slots or of replies, that one mean delay must be long.
inline constexpr double gaps_in_delay_least = 2.0;

}  // namespace nightjar::directory
