// The time until one of a client's packets passes only bad mixes, in closed form. Pure.
//
// The adversary runs a share of each layer. It links the two ends of a route if it runs all three
// mixes on it. The client's gateway is its guard: the client keeps it for months, so it is bad from
// the start or not at all, and is not counted here.
//
// A session sends along its routes at a Poisson rate for one lifetime. It keeps the mixes of some
// layers (client::layers_to_keep) and draws those of the other layers for each packet. So it is at
// risk only if every kept mix is bad, and then every packet is a new risk. A session's last fifth
// overlaps with its successor; that shifts times by less than one lifetime and changes no
// probability.
#pragma once

#include <array>
#include <cstdint>

namespace nightjar::lab::attacks {

inline constexpr std::size_t route_layers = 3;

struct RouteRisk {
    double kept = 0;               // probability that all mixes that a session keeps are bad
    double drawn = 0;              // probability that all mixes that a packet draws are bad
    double routes_per_second = 0;  // of packets out and SURBs back together
    double lifetime_s = 0;         // of a session

    /// `bad`: the adversary's share of each layer.
    static RouteRisk of(const std::array<double, route_layers>& bad, std::uint32_t fixed_hops,
                        double routes_per_second, double lifetime_s);
};

/// The probability that a session has used a fully bad route within its first `seconds`.
double session_exposed(const RouteRisk& risk, double seconds);
/// The same for a client with one session after the other.
double exposed_within(const RouteRisk& risk, double seconds);
/// The time at which exposed_within() reaches one half. Infinite if it never does.
double median_exposure_s(const RouteRisk& risk);
/// The mean number of routes that a simulation must draw per client until the first bad one, if it
/// skips a session as soon as a kept mix is honest.
double routes_to_simulate(const RouteRisk& risk);

/// The mean of exposed_within() if each relay is bad independently with probability `share`. The
/// number of bad relays then differs between layers and networks.
double exposed_within_independent(unsigned mixes_per_layer, double share, std::uint32_t fixed_hops,
                                  double routes_per_second, double lifetime_s, double seconds);

}  // namespace nightjar::lab::attacks
