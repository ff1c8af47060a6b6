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

/// The longest mean delay: sessions announce a change of pace 8 s ahead and every exit must know it
/// 5 s ahead, which five delays of 250 ms leave to 99 packets in 100; each repeats it.
inline constexpr base::Milliseconds mean_delay_most{250};

/// Mean gaps of a beat, of slots or of replies, that one mean delay must be long.
inline constexpr double gaps_in_delay_least = 2.0;
/// So long, in whole milliseconds, for these slots, loops and replies. Precondition: none is 0.
base::Milliseconds least_mean_delay(const Parameters& parameters);

}  // namespace nightjar::directory
