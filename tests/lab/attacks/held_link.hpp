// An attacker on a client's link who wants the client to use the attacker's own exit: it disturbs
// the link again and again, so that the client takes its honest exits for dead and draws others.
#pragma once

#include <cstdint>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::lab::attacks {

/// What the attacker does in the first `held_for` of every `held_every`.
enum class Disturbance {
    none,          // a client left alone
    down_held,     // cells to the client wait until the end of the interval
    down_dropped,  // cells to the client are dropped
    down_thinned,  // all the time: nine in ten cells to the client are dropped
    up_dropped,    // the client's own cells are dropped
    cut,           // the link ends, and comes back after the interval
    exits_silent,  // the control, for 40 s of every 90 s: exits do not answer, and loops return
};
const char* to_string(Disturbance disturbance);

inline constexpr base::Milliseconds held_for{10'500};
inline constexpr base::Seconds held_every{15};
/// The attack begins when the client has been connected for this long.
inline constexpr base::Seconds held_from{10};

struct HeldLinkOptions {
    std::uint64_t seed = 1;
    unsigned exits = 6;
    Disturbance disturbance = Disturbance::none;
    base::Seconds session_lifetime{3600};
    double seconds = 0;  // length of the attack
};

/// For each exit, the seconds from held_from until the client has a session there; infinity if it
/// never does. The attacker here never stops, so each exit may stand for the bad one: the client
/// draws exits alike, and what happens after it has come to the bad one no longer matters.
std::vector<double> first_sessions(const HeldLinkOptions& options);

}  // namespace nightjar::lab::attacks
