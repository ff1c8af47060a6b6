#include "relay/metrics/discrete_laplace.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::relay::metrics;

namespace {

/// P(x) of the discrete Laplace distribution: (1 - p) / (1 + p) p^|x| with p = exp(-s / t).
double probability(std::int64_t x, LaplaceScale scale) {
    const double p = std::exp(-static_cast<double>(scale.s) / static_cast<double>(scale.t));
    return (1 - p) / (1 + p) * std::pow(p, std::abs(static_cast<double>(x)));
}

/// Chi-squared over the values with at least 20 expected draws; the rest in one class. Returns how
/// many standard deviations it lies above its mean.
double chi_squared_z(LaplaceScale scale, std::uint64_t seed, int draws) {
    base::SeededRandom random{seed};
    std::map<std::int64_t, int> seen;
    for (int i = 0; i < draws; ++i)
        ++seen[discrete_laplace(scale, random)];
    double sum = 0;
    int classes = 0;
    double rest_expected = draws;
    double rest_seen = draws;
    for (std::int64_t size = 0; probability(size, scale) * draws >= 20; ++size) {
        for (const auto x : {size, -size}) {
            const double expected = probability(x, scale) * draws;
            const double difference = seen[x] - expected;
            sum += difference * difference / expected;
            ++classes;
            rest_expected -= expected;
            rest_seen -= seen[x];
            if (size == 0) break;
        }
    }
    sum += (rest_seen - rest_expected) * (rest_seen - rest_expected) / rest_expected;
    return (sum - classes) / std::sqrt(2.0 * classes);
}

}  // namespace

TEST_CASE("discrete laplace: draws have the distribution's frequencies, value by value") {
    for (const auto scale : {LaplaceScale{1, 1}, LaplaceScale{10, 3}, LaplaceScale{80, 3}}) {
        const auto z = chi_squared_z(scale, 1, 200'000);
        INFO("t " << scale.t << " s " << scale.s << " z " << z);
        CHECK(std::abs(z) < 4);
    }
}

TEST_CASE("discrete laplace: mean and spread at the scale of packets") {
    const LaplaceScale scale{20'480, 3};  // 2048 / 0.3
    base::SeededRandom random{2};
    constexpr int draws = 100'000;
    double sum = 0;
    double sizes = 0;
    int even = 0;
    for (int i = 0; i < draws; ++i) {
        const auto x = discrete_laplace(scale, random);
        sum += static_cast<double>(x);
        sizes += std::abs(static_cast<double>(x));
        even += x % 2 == 0 ? 1 : 0;
    }
    const double b = 20'480.0 / 3;
    CHECK(std::abs(sum / draws) < 4 * b * std::sqrt(2.0 / draws));
    CHECK(std::abs(sizes / draws - b) < 4 * b / std::sqrt(draws));
    // The low bits are as random as the rest: a sampler that multiplies a float leaves gaps.
    CHECK(std::abs(even - draws / 2) < 4 * std::sqrt(draws) / 2);
}

TEST_CASE("discrete laplace: a coin of exp(-x) falls as often as it should") {
    base::SeededRandom random{3};
    constexpr int draws = 200'000;
    for (const std::uint64_t tenths : {0U, 1U, 5U, 9U, 10U}) {
        int heads = 0;
        for (int i = 0; i < draws; ++i)
            heads += bernoulli_exp(tenths, 10, random) ? 1 : 0;
        const double p = std::exp(-static_cast<double>(tenths) / 10);
        INFO("x " << tenths << "/10: " << heads);
        CHECK(std::abs(heads - draws * p) <= 4 * std::sqrt(draws * p * (1 - p)));
    }
}
