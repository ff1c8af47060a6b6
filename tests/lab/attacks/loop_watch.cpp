#include "tests/lab/attacks/loop_watch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nightjar::lab::attacks {

double WatchLaw::for_missed() const {
    return std::log(withheld / ordinary);
}

double WatchLaw::for_returned() const {
    return std::log((1 - withheld) / (1 - ordinary));
}

double WatchLaw::limit() const {
    return std::log(polls_between_alarms);
}

double WatchLaw::loops_to_notice(double missed_share) const {
    const auto a_loop = missed_share * for_missed() + (1 - missed_share) * for_returned();
    return a_loop > 0 ? limit() / a_loop : std::numeric_limits<double>::infinity();
}

bool LoopWatch::poll(std::uint64_t returned, std::uint64_t missed) {
    // The order within a poll is unknown, so all loops of it are one step of the sum. Loops that
    // return and loops that are missed in one poll were sent at different times: a missed loop is
    // noticed seconds after its contemporaries have returned. Loops are lost independently, so this
    // is correct.
    sum_ = std::max(0.0, sum_ + static_cast<double>(missed) * law_.for_missed() +
                             static_cast<double>(returned) * law_.for_returned());
    alarmed_ = alarmed_ || sum_ >= law_.limit();
    return alarmed_;
}

void LoopWatch::restart() {
    sum_ = 0;
    alarmed_ = false;
}

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

double erlang_tail(unsigned stages, double share) {
    double below = 0;
    double above = 100;
    for (int i = 0; i < 100; ++i) {
        const auto x = (below + above) / 2;
        double term = std::exp(-x);
        double tail = term;
        for (unsigned k = 1; k < stages; ++k)
            tail += term *= x / k;
        (tail > share ? below : above) = x;
    }
    return above;
}

}  // namespace nightjar::lab::attacks
