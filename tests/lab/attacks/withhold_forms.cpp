#include "tests/lab/attacks/withhold_forms.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nightjar::lab::attacks {

double first_out(double mu, double others, double immediate) {
    const auto pool = others / mu;
    const auto most = 60 + 4 * static_cast<unsigned>(pool);
    // With k others inside, the next event is that one of the k + 1 leaves, that an unheld packet
    // leaves, or that another packet enters.
    std::vector<double> wins(most + 1);
    for (auto k = most; k-- > 0;)
        wins[k] = (mu + others * wins[k + 1]) / ((k + 1) * mu + immediate + others);
    double sum = 0;
    double probability = std::exp(-pool);
    for (unsigned k = 0; k < most; ++k) {
        sum += probability * wins[k];
        probability *= pool / (k + 1);
    }
    return sum;
}

double loopix_success(double mu, double loops, double received, double withheld_share) {
    // The formula divided by s, with 1/s = 1 - withheld_share.
    return std::min(1.0, mu / (loops + received * (1 - withheld_share)));
}

}  // namespace nightjar::lab::attacks
