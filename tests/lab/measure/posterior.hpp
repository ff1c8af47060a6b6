// Computes exactly what an observer of one relay's links learns about one packet. It sees when each
// packet arrives and how many leave in each tick. Delays are exponential, hence memoryless, and the
// packets of one tick leave in random order. Source: Danezis, "The Traffic Analysis of
// Continuous-Time Mixes" (2004); Piotrowska et al., "The Loopix Anonymity System" (2017),
// theorem 1.
//
// Why the recursion is exact: the likelihood of a matching of arrivals to departures is a product
// over the ticks. Each packet that leaves in a tick contributes the odds exp(t / mean) - 1, where t
// is the time that it has been inside since the tick before. All packets that were inside for the
// whole tick have the same odds, and it does not matter for later ticks which of them left. So the
// target's probability to be among the m that leave depends only on counts and on the odds of the
// packets that arrived since the tick before. The delay's cap at ten means is ignored; it affects a
// share of e^-10.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::lab::measure {

/// A record of one relay's links, and the truth that only the laboratory knows.
struct RelayTrace {
    struct Leaving {
        base::Mono at;
        std::uint32_t packets = 0;
    };
    struct Left {
        std::uint32_t tick = 0;   // index into `ticks`
        std::uint32_t place = 0;  // position among the packets that left in it
    };
    base::Nanoseconds mean{};          // mean delay
    base::Nanoseconds tick{};          // packets leave at its multiples; zero: no ticks
    std::vector<base::Mono> arrivals;  // ascending
    std::vector<Leaving> ticks;        // strictly ascending, none empty
    std::vector<Left> truth;           // for each arrival; all of them left
};

struct Target {
    double entropy_bits = 0;   // of the distribution over departures
    double best_guess = 0;     // probability of the most likely departure
    double surprise_bits = 0;  // -log2 of the probability of the true departure; its mean is the
                               // entropy if the observer's model of the relay is right
    std::uint32_t pool = 0;    // packets inside when it left, itself included
};

/// Returns a Target for each arrival. The time is linear in the trace, and quadratic in the number
/// of arrivals per tick. Ignore targets within some 20 means of the end: they see too few
/// departures.
std::vector<Target> posterior(const RelayTrace& trace);

/// The probabilities to be among the `leave` packets that leave in a tick: for each of the
/// `old_count` packets that were inside for the whole tick, and for each fresh one, whose odds are
/// `fresh_odds` times those of an old one. Precondition: 0 < leave <= old_count +
/// fresh_odds.size().
struct Chances {
    double old = 0;
    std::vector<double> fresh;
};
Chances chances(std::size_t old_count, std::span<const double> fresh_odds, std::size_t leave);

/// An estimate that works for any distribution of delays (`delay_cdf`, over seconds): each
/// departure's weight is its probability under that distribution, normalised over all departures.
/// It ignores the other packets, so it is slightly weaker than posterior().
double density_bits(const RelayTrace& trace, std::size_t target,
                    const std::function<double(double)>& delay_cdf);

/// The same observer of a relay that sends each tick's packets in order of arrival: a recursion
/// over the number of packets before the target that are still inside. It is exact except that
/// packets which arrived since the last tick count as if they had been inside for all of it.
Target ordered_posterior(const RelayTrace& trace, std::size_t target);

/// The results of both observers for `count` targets spread over a trace, without the `edge` first
/// and last arrivals. Means over the targets.
struct Estimates {
    double any_order = 0, in_order = 0;                    // entropy in bits, for each observer
    double surprise_any_order = 0, surprise_in_order = 0;  // surprise in bits
    /// The entropy for the observer whose assumption about the order fits better.
    double measured() const {
        return surprise_any_order <= surprise_in_order ? any_order : in_order;
    }
};
Estimates observe(const RelayTrace& trace, std::size_t edge, std::size_t count);

}  // namespace nightjar::lab::measure
