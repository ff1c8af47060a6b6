#include "sphinx/base/loss_watch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nightjar::base {

double LossLaw::for_missed() const {
    return std::log(withheld / ordinary);
}

double LossLaw::for_returned() const {
    return std::log((1 - withheld) / (1 - ordinary));
}

double LossLaw::limit() const {
    return std::log(polls_between_alarms);
}

double LossLaw::loops_to_notice(double missed_share) const {
    const auto a_loop = missed_share * for_missed() + (1 - missed_share) * for_returned();
    return a_loop > 0 ? limit() / a_loop : std::numeric_limits<double>::infinity();
}

bool LossWatch::poll(std::uint64_t returned, std::uint64_t missed) {
    // The order within a poll is unknown, so all loops of it are one step of the sum. Loops that
    // return and loops that are missed in one poll were sent at different times: a missed loop is
    // noticed seconds after its contemporaries have returned. Loops are lost independently, so this
    // is correct.
    sum_ = std::max(0.0, sum_ + static_cast<double>(missed) * law_.for_missed() +
                             static_cast<double>(returned) * law_.for_returned());
    sum_ = std::min(sum_, law_.limit());
    if (sum_ >= law_.limit()) alarmed_ = true;
    if (sum_ <= 0) alarmed_ = false;
    return alarmed_;
}

void LossWatch::restart() {
    sum_ = 0;
    alarmed_ = false;
}

}  // namespace nightjar::base
