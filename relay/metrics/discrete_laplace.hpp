// Integer noise of the discrete Laplace distribution, sampled exactly: Canonne, Kamath and Steinke,
// "The Discrete Gaussian for Differential Privacy", arXiv 2004.00010, algorithms 1 and 2. There is
// no floating point in it: with rounded logarithms, the low bits of the sum would show the value
// that the noise hides (Mironov 2012). Pure; any thread.
#pragma once

#include <cstdint>

#include "sphinx/base/random.hpp"

namespace nightjar::relay::metrics {

/// The scale t / s of the noise: P(x) is proportional to exp(-|x| s / t). Preconditions:
/// 0 < t < 2^40, 0 < s.
struct LaplaceScale {
    std::uint64_t t = 1;
    std::uint64_t s = 1;
};

/// True with the probability exp(-numerator / denominator). Preconditions: numerator <=
/// denominator, 0 < denominator < 2^40.
bool bernoulli_exp(std::uint64_t numerator, std::uint64_t denominator, base::Random& random);

std::int64_t discrete_laplace(LaplaceScale scale, base::Random& random);

}  // namespace nightjar::relay::metrics
