// Flows of clients that leak what the traffic law hides, for controls. Drawn, not simulated. Pure.
#pragma once

#include "sphinx/base/random.hpp"
#include "sphinx/directory/parameters.hpp"
#include "tests/lab/sessions/flows.hpp"

namespace nightjar::lab::sessions {

/// poisson: slots and ticks at the times of Poisson processes; one session with two thirds of them.
/// slots_drawn_alone: one slot in every gap, but each one's session is drawn for itself: two
/// sessions of a client, with two thirds and one third of its slots. slots_in_turns: the same in
/// fixed turns, and one loop in every gap of loops. even_ticks: the same two sessions as drawn
/// alone, each with replies in gaps of one length, as exits send them.
enum class Leak { poisson, slots_drawn_alone, slots_in_turns, even_ticks };

struct PlantedFlows {
    std::vector<ClientFlow> clients;
    std::vector<SessionFlow> sessions;
};
/// `segments`: how long the flows last (spectral_score.hpp) from planted_begin_ms on. They begin at
/// 0 ms: where flows begin they resemble each other.
inline constexpr std::uint32_t planted_begin_ms = 10'000;
PlantedFlows plant(Leak leak, unsigned clients, std::size_t segments,
                   const directory::Parameters& law, base::Random& random);

/// A beat: one event near the middle of every gap, within `jitter` of it; or, without a jitter, a
/// Poisson process.
Moments beat(double per_second, double jitter, double seconds, base::Random& random);
Moments poisson_moments(double per_second, double seconds, base::Random& random);
/// The events after `hops` exponential delays and links.
Moments displaced(const Moments& events, unsigned hops, base::Nanoseconds mean_delay,
                  base::Random& random);

}  // namespace nightjar::lab::sessions
