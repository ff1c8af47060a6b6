// The statistics behind the verdicts. Pure. statistics_test.cpp checks each against known values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sphinx/base/random.hpp"

namespace nightjar::lab::measure {

/// The area under the ROC curve: the probability that a random `busy` score is above a random
/// `idle` score; ties count half. Precondition: neither is empty.
double auc(std::span<const double> idle, std::span<const double> busy);

/// One client in one network.
struct Sample {
    std::uint64_t seed = 0;  // of the network; clients of one network are not independent
    bool busy = false;
    double score = 0;
};

struct Bound {
    double point = 0;
    double upper = 0;      // 95 % of the bootstrap's draws are below it
    double deviation = 0;  // standard deviation of the draws
};
/// The AUC with a one-sided 95 % bound, by a bootstrap that draws whole networks, not clients.
/// Precondition: both classes occur.
Bound auc_bound(std::span<const Sample> samples, base::Random& random, unsigned draws = 1000);

/// The share of `busy` scores above the threshold that a share `false_alarms` of the `idle` scores
/// exceeds.
double true_positive_rate(std::vector<double> idle, std::span<const double> busy,
                          double false_alarms);

/// The Kolmogorov-Smirnov distance between two samples, or between a sample and a distribution.
double ks_distance(std::vector<double> a, std::vector<double> b);
double ks_distance(std::vector<double> a, const std::function<double(double)>& cdf);

/// The entropy in bits. The probabilities need not be normalised.
double entropy_bits(std::span<const double> probabilities);
/// The value below which a share `p` of the sample lies, interpolated between order statistics.
double quantile(std::vector<double> sample, double p);
double mean(std::span<const double> sample);

/// A linear discriminant with a ridge term: the direction that best separates two Gaussian classes
/// of equal covariance. Features are first scaled by their own deviations.
class Discriminant {
 public:
    /// Precondition: the rows have equal length and both classes occur.
    static Discriminant fit(std::span<const std::vector<double>> idle,
                            std::span<const std::vector<double>> busy, double ridge = 0.1);
    double score(std::span<const double> features) const;

 private:
    std::vector<double> mean_;
    std::vector<double> weight_;
};

/// One client's features in one network.
struct Observation {
    std::uint64_t seed = 0;
    bool busy = false;
    std::vector<double> features;
};
/// Scores each observation by a discriminant fitted to the seeds of the other parity, so that no
/// observation is scored by a discriminant that was trained on it.
std::vector<Sample> cross_fitted(std::span<const Observation> observations);
/// auc_bound() for the result of cross_fitted(): the mean over both parities. If the classes do not
/// differ, both AUCs deviate in the same direction, because each parity is scored by the other's
/// random difference. A bootstrap over all samples would treat them as independent, and its bound
/// would be too close to one half.
Bound cross_bound(std::span<const Sample> samples, base::Random& random, unsigned draws = 1000);

}  // namespace nightjar::lab::measure
