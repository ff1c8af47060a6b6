// The statistical classifier of MixMatch (PoPETs 2024.2), made stronger. It measures how much
// better one end's times explain the events at the other end than a constant rate does. Pure.
#pragma once

#include <optional>

#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::attacks {

/// Seconds of each hop beside its delay: one link. The rounding by ticks averages to zero.
inline constexpr double link_and_tick = 0.002;

/// The path between two ends: `hops` exponential delays, and the links.
struct Route {
    unsigned hops;
    double mean_delay;  // seconds, per hop

    double density(double seconds) const;  // Erlang density, shifted by the time of links and ticks
    double share(double seconds) const;    // the cumulative distribution of the same
    double longest() const;                // nearly all packets take less
};

/// What an observer sees of a flow: a share of its packets, among others at a constant rate.
struct FlowModel {
    Route route;
    double share;
    double others;        // per second
    bool counted = true;  // the number of events counts as evidence, not only their times
};

/// The log-likelihood ratio that `cause` caused the first `observations` of `seen` from `from` on,
/// against a constant rate. Empty if there are fewer events. Precondition: both are ascending.
std::optional<double> flow_score(const Times& cause, const Times& seen, const FlowModel& model,
                                 double from, std::size_t observations);

/// The published score, in the other direction: compares a client's cells with all packets that
/// reached one exit. `uniform`: the rate per second of the constant-rate model.
std::optional<double> merged_score(const Times& cells, const Times& merged, const Route& route,
                                   double from, double uniform, std::size_t observations);

}  // namespace nightjar::lab::attacks
