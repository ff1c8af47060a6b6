// Turns a client's trace into features, for each kind of adversary: rows of numbers for a
// discriminant. Pure. All rows of one kind have the same length for a given window and network.
#pragma once

#include <vector>

#include "tests/privacy/crowd.hpp"

namespace nightjar::privacy {

using Row = std::vector<double>;

struct Window {
    double begin = 0;
    double end = 0;
};

/// Counts in bins of `bin` seconds, then of the gaps: mean, deviation, shortest, longest, and the
/// correlation of one with the next.
Row shape(const Times& times, const Window& window, double bin = 1);

/// Whoever sees the client's link: the shape of both directions.
Row link_features(const Trace& trace, const Window& window);
/// Whoever sees every link: besides, how the client's cells go together with those that reach and
/// leave each exit, at lags from 0 to 1.5 s.
Row every_link_features(const Trace& trace, const Crowd& crowd, const Window& window);
/// The client's gateway: besides, when deliveries come, how many packets go to and come from each
/// mix, and how deliveries and the client's cells go together.
Row gateway_features(const Trace& trace, const Crowd& crowd, const Window& window);

Times times_of(const std::vector<Trace::Passed>& passed);

/// Correlation of the counts of two processes, `b` shifted back by `lag` seconds.
double correlation(const Times& a, const Times& b, const Window& window, double bin, double lag);

}  // namespace nightjar::privacy
