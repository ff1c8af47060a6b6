#include "sphinx/base/shared_rate.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::base {

namespace {

void fill(double& tokens, Mono& filled, double per_second, double most, Mono now) {
    if (now <= filled) return;
    tokens = std::min(most, tokens + to_seconds(now - filled) * per_second);
    filled = now;
}

}  // namespace

SharedRate::SharedRate(double per_second, double burst, Mono now)
    : per_second_{per_second}, burst_{burst}, tokens_{burst}, filled_{now} {
    assert(per_second > 0 && burst >= 2);
}

bool SharedRate::take(Sharer sharer, double part, Mono now) {
    fill(tokens_, filled_, per_second_, burst_, now);
    const double reserve = burst_ / 2;
    const auto [found, fresh] = own_.try_emplace(sharer, Own{0, part, now});
    auto& own = found->second;
    // A new sharer's bucket is full if the others leave so much.
    if (fresh) own.tokens = std::clamp(tokens_ - all_own(now), 0.0, reserve * part);
    own.part = part;
    fill(own.tokens, own.filled, per_second_ * part, reserve * part, now);
    if (tokens_ < reserve + 1 && own.tokens < 1) return false;
    tokens_ -= 1;
    own.tokens = std::max(own.tokens - 1, 0.0);
    return true;
}

double SharedRate::all_own(Mono now) {
    double sum = 0;
    for (auto& [sharer, own] : own_) {
        fill(own.tokens, own.filled, per_second_ * own.part, burst_ / 2 * own.part, now);
        sum += own.tokens;
    }
    return sum;
}

void SharedRate::forget_sharers() {
    own_.clear();
}

}  // namespace nightjar::base
