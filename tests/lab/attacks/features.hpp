// Turns a client's trace into features, for each kind of adversary: rows of numbers for a
// discriminant. Pure. All rows of one kind have the same length for a given window and network.
#pragma once

#include <vector>

#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::attacks {

using Row = std::vector<double>;

struct Window {
    double begin = 0;
    double end = 0;
};

/// Counts in bins of `bin` seconds; then of the gaps the mean, deviation, minimum, maximum, and the
/// correlation of a gap with the next.
Row shape(const Times& times, const Window& window, double bin = 1);

/// For an observer of the client's link: the shape of both directions.
Row link_features(const Trace& trace, const Window& window);
/// For an observer of every link: link_features, and the correlation of the client's cells with
/// those to and from each exit, at lags from 0 to 1.5 s.
Row every_link_features(const Trace& trace, const Crowd& crowd, const Window& window);
/// For the client's gateway: link_features, the shape of deliveries, the number of packets to and
/// from each mix, and the correlation of deliveries with the client's cells.
Row gateway_features(const Trace& trace, const Crowd& crowd, const Window& window);

Times times_of(const std::vector<Trace::Passed>& passed);

/// The correlation of the counts of two processes, with `b` shifted back by `lag` seconds.
double correlation(const Times& a, const Times& b, const Window& window, double bin, double lag);

}  // namespace nightjar::lab::attacks
