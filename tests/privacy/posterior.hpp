// What an observer of one relay's links learns about one packet, exactly. It sees when each packet
// arrives and how many leave in each tick; the delays are exponential, hence memoryless, and what
// leaves in one tick leaves in random order. Source: Danezis, "The Traffic Analysis of
// Continuous-Time Mixes" (2004); Piotrowska et al., "The Loopix Anonymity System" (2017),
// theorem 1.
//
// Why the recursion is exact: the likelihood of a matching of arrivals to departures is a product
// over ticks of the odds exp(t / mean) - 1 of those that leave in it, t being how long each was
// there since the tick before. All that were there for the whole tick have the same odds, and who
// of them left changes nothing about the ticks that follow. So the target's chance to be among the
// m that leave depends on counts, and on the odds of those that came since the tick before. The
// law's cap at ten means is left out: a share of e^-10 would know of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::privacy {

/// One relay's links, as recorded, and beside it what only the laboratory knows.
struct RelayTrace {
    struct Leaving {
        base::Mono at;
        std::uint32_t packets = 0;
    };
    struct Left {
        std::uint32_t tick = 0;   // of `ticks`
        std::uint32_t place = 0;  // among those that left in it
    };
    base::Nanoseconds mean{};          // of the delay
    base::Nanoseconds tick{};          // packets leave at its multiples; zero: each by itself
    std::vector<base::Mono> arrivals;  // in order
    std::vector<Leaving> ticks;        // in order, no two at one time, none empty
    std::vector<Left> truth;           // of each arrival; all of them left
};

struct Target {
    double entropy_bits = 0;   // of which departure it was
    double best_guess = 0;     // chance of the likeliest departure
    double surprise_bits = 0;  // -log2 of the chance given to the true one: on average the entropy,
                               // if the relay is what the observer takes it for
    std::uint32_t pool = 0;    // packets inside when it left, itself included
};

/// One for each arrival. Time grows with the trace alone, but for the square of the number that
/// arrive in one tick. Targets within some 20 means of the end see too few departures: leave them
/// out.
std::vector<Target> posterior(const RelayTrace& trace);

/// Chances to be among the `leave` packets that leave in a tick: of each of `old_count` packets
/// that were there for all of it, and of each fresh one, whose odds are `fresh_odds` times an old
/// one's. Precondition: 0 < leave <= old_count + fresh_odds.size().
struct Chances {
    double old = 0;
    std::vector<double> fresh;
};
Chances chances(std::size_t old_count, std::span<const double> fresh_odds, std::size_t leave);

/// The estimate that needs no memoryless law: each departure weighs what the delay's law, given by
/// its distribution over seconds, gives it, normalised over all departures. It ignores what the
/// other packets must have done, and hence the last of what a memoryless pool gives away.
double density_bits(const RelayTrace& trace, std::size_t target,
                    const std::function<double(double)>& delay_cdf);

/// The same observer where each tick leaves in order of arrival: exact recursion over how many of
/// those that came before the target are still inside, but that packets which arrived since the
/// last tick count as if they had been there for all of it.
Target ordered_posterior(const RelayTrace& trace, std::size_t target);

/// What both observers make of `count` targets spread over a trace, without the `edge` first and
/// last arrivals: means over the targets.
struct Estimates {
    double any_order = 0, in_order = 0;                    // entropy in bits, to either observer
    double surprise_any_order = 0, surprise_in_order = 0;  // by what happened
    /// The entropy to the observer whose belief about the order is the better one.
    double measured() const {
        return surprise_any_order <= surprise_in_order ? any_order : in_order;
    }
};
Estimates observe(const RelayTrace& trace, std::size_t edge, std::size_t count);

}  // namespace nightjar::privacy
