// The time to wait before the next attempt. It doubles with each attempt, and has random jitter so
// that peers do not retry in step.
#pragma once

#include <algorithm>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::node::link {

class Backoff {
 public:
    /// Precondition: 0 < least <= most.
    Backoff(base::Milliseconds least, base::Milliseconds most)
        : least_{least}, most_{most}, next_{least} {}

    /// Returns a uniform time between half the current step and the whole step; the step then
    /// doubles, up to `most`.
    base::Milliseconds next(base::Random& random) {
        const base::Milliseconds step = next_;
        next_ = std::min(most_, next_ * 2);
        const auto half = step.count() / 2;
        const auto width = static_cast<std::uint64_t>(step.count() - half + 1);
        return base::Milliseconds{half + static_cast<std::int64_t>(random.below(width))};
    }
    void reset() { next_ = least_; }

 private:
    base::Milliseconds least_;
    base::Milliseconds most_;
    base::Milliseconds next_;
};

}  // namespace nightjar::node::link
