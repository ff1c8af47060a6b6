// What an observer's chances at one relay come to over a whole trace, and how far that is from what
// the ideal mix and its formula give: what the experiment `mixing` judges.
#pragma once

#include <vector>

#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/posterior.hpp"

namespace nightjar::lab::attacks {

/// So many arrivals at each end of a trace are left out: the pool is then full, and all that were
/// inside have left.
inline constexpr double edge_s = 1;  // 20 mean delays
std::size_t edge(double per_second);

struct MixSummary {
    double mean = 0;                // bits
    double least = 0;               // bits, of the packet with the fewest
    double best_guess = 0;          // chance of the likeliest departure
    double alone = 0;               // share of packets that left from a pool of one
    double surprise = 0;            // bits
    std::vector<double> quantiles;  // bits: 1, 5, 25, 50, 75, 95, 99 %
    double p5() const { return quantiles.at(1); }
};
MixSummary summary(const measure::RelayTrace& trace, double per_second);

/// log2(e lambda / mu): what an ideal mix leaves on average (Piotrowska et al., theorem 1).
double formula_bits(double load);

/// The worst of all loads that were judged, in bits but for `alone`, which is a share.
struct MixDistances {
    double to_ideal = 0;    // mean entropy
    double to_formula = 0;  // mean entropy, from 10 packets on
    double surprise = 0;    // mean surprise against mean entropy
    double alone = 0;       // against e^-load: the chance that an ideal mix holds nothing else
    double p5 = 0;          // how much less than the ideal mix, from 10 packets on
    double least = 0;       // how much less than the ideal mix, from 20 packets on

    /// `load`: the mean number of packets inside. Below 10 the formula is a few hundredths of a bit
    /// too large, and quantiles are logarithms of small whole numbers, which chance moves far.
    void judge(const MixSummary& ours, const MixSummary& best, double load);
    /// One verdict for each of them.
    void report(measure::Report& report) const;
};

}  // namespace nightjar::lab::attacks
