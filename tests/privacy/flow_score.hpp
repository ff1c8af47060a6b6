// The statistical classifier of MixMatch (PoPETs 2024.2), made stronger. It measures how much
// better one end's times explain the events at the other end than a constant rate does. Pure.
#pragma once

#include <optional>

#include "tests/privacy/crowd.hpp"

namespace nightjar::privacy {

/// What lies between two ends: so many delays of the law, and the links between.
struct Route {
    unsigned hops;
    double mean_delay;  // seconds, each

    double density(double seconds) const;  // Erlang's, behind what links and ticks add
    double share(double seconds) const;    // and its distribution
    double longest() const;                // nearly all take less
};

/// What is seen of a cause: a share of its packets, among others that come at a steady rate.
struct FlowModel {
    Route route;
    double share;
    double others;        // a second
    bool counted = true;  // how many there are says something, not only when they come
};

/// Log-likelihood ratio of `seen`, the first `observations` from `from` on, being caused by `cause`
/// against coming at an even rate. Nothing if there are fewer. Both ascending.
std::optional<double> flow_score(const Times& cause, const Times& seen, const FlowModel& model,
                                 double from, std::size_t observations);

/// The published score, in the other direction: compares a client's cells with all packets that
/// reached one exit. `uniform`: the rate per second of the constant-rate model.
std::optional<double> merged_score(const Times& cells, const Times& merged, const Route& route,
                                   double from, double uniform, std::size_t observations);

}  // namespace nightjar::privacy
