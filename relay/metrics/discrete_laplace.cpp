#include "relay/metrics/discrete_laplace.hpp"

#include <cassert>

namespace nightjar::relay::metrics {

bool bernoulli_exp(std::uint64_t numerator, std::uint64_t denominator, base::Random& random) {
    assert(denominator > 0 && numerator <= denominator);
    // The series of the exponential function: the first k at which a coin with the probability
    // numerator / (denominator k) fails is odd with the wanted probability.
    std::uint64_t k = 1;
    while (random.below(denominator * k) < numerator)
        ++k;
    return k % 2 == 1;
}

std::int64_t discrete_laplace(LaplaceScale scale, base::Random& random) {
    for (;;) {
        const auto low = random.below(scale.t);
        if (!bernoulli_exp(low, scale.t, random)) continue;
        std::uint64_t high = 0;
        while (bernoulli_exp(1, 1, random))
            ++high;
        const auto size = static_cast<std::int64_t>((low + scale.t * high) / scale.s);
        const bool negative = random.below(2) == 1;
        if (negative && size == 0) continue;  // else zero would come twice as often
        return negative ? -size : size;
    }
}

}  // namespace nightjar::relay::metrics
