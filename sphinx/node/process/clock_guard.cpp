#include "sphinx/node/process/clock_guard.hpp"

#include <cstdlib>

namespace nightjar::node::process {

namespace {

bool differ(base::Milliseconds a, base::Milliseconds b) {
    return std::chrono::abs(a - b) > ClockGuard::step_max;
}

}  // namespace

ClockGuard::ClockGuard(const ClockReading& first, std::optional<base::Milliseconds> kept)
    : last_{first},
      believed_{kept.value_or(first.difference())},
      standing_{first.difference()},
      since_{first.boot},
      jumped_{differ(standing_, believed_)} {}

base::Wall ClockGuard::look(const ClockReading& now) {
    last_ = now;
    const auto difference = now.difference();
    if (differ(difference, standing_)) {
        standing_ = difference;
        since_ = now.boot;
    }
    if (now.boot - since_ >= stands_after) believe();
    jumped_ = differ(difference, believed_);
    return kept();
}

base::Wall ClockGuard::kept() const {
    if (!jumped_) return last_.wall;
    return base::Wall{believed_ + std::chrono::floor<base::Milliseconds>(last_.boot)};
}

void ClockGuard::confirm() {
    if (jumped_) believe();
    jumped_ = false;
}

void ClockGuard::believe() {
    believed_ = standing_ = last_.difference();
    since_ = last_.boot;
}

}  // namespace nightjar::node::process
