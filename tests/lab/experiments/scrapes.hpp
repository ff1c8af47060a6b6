// What a reader of all relays' metrics has: how many packets arrived at each relay, exactly every
// 15 s, or as a whole window publishes it; and the best test for whether one user has moved 1 MB.
#pragma once

#include <cstdint>
#include <vector>

#include "sphinx/base/random.hpp"
#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::experiments {

struct Arrivals {
    /// By relay and by second since the clients connected.
    std::vector<std::vector<double>> packets;
    double moved = 0;  // bytes that the law's clients have moved
};
/// Runs the network and counts at every relay.
Arrivals arrivals(attacks::CrowdOptions options);

/// The packets that one user's transfer adds at each relay: in all, and in the 15 s with the most
/// of them.
struct Added {
    std::vector<double> whole;
    std::vector<double> burst;
    double differing = 0;  // seconds in which any relay's count differs between the twins
    double moved = 0;      // bytes; not counted with the law off
};
/// Two networks of one seed differ in one client: it is busy in the second. Returns the difference.
Added added_by(attacks::CrowdOptions options);

/// Mean and variance of each relay's packets in 15 s, from a network of idle clients.
struct Background {
    std::vector<double> mean;
    std::vector<double> variance;
};
inline constexpr std::size_t scrape_seconds = 15;
/// The first `skipped` seconds, in which sessions begin, do not count.
Background background_of(const Arrivals& seen, std::size_t skipped);

/// One scrape of all relays after 15 s: exact counts. Returns the logarithm of the likelihood ratio
/// of "these packets were added" to "none were", which is the best score there is. The adversary
/// knows the way that the packets would have taken, and when.
double exact_score(const Background& background, const std::vector<double>& added, bool busy,
                   base::Random& random);
/// The same after two published windows of an hour, by their packets and their CPU time; the
/// transfer is in the first.
double published_score(const Background& background, const std::vector<double>& added, bool busy,
                       base::Random& random);

}  // namespace nightjar::lab::experiments
