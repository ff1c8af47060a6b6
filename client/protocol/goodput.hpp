// How many bytes of applications a client moves: in all, and each second on average over the last
// minute. For its own user only: what a link shows does not depend on it. Pure, one thread.
#pragma once

#include <cstdint>
#include <deque>

#include "sphinx/base/time.hpp"

namespace nightjar::client::protocol {

/// Bytes of applications: towards targets, and from them.
struct Carried {
    std::uint64_t up = 0;
    std::uint64_t down = 0;
    bool operator==(const Carried&) const = default;
};

class Goodput {
 public:
    static constexpr base::Seconds window{60};

    /// The totals at `now`. Call it about once a second.
    void sample(base::Mono now, const Carried& totals);
    /// Bytes a second over the window, or over what has been sampled of it.
    Carried per_second() const;

 private:
    struct Sample {
        base::Mono at{};
        Carried totals;
    };
    std::deque<Sample> samples_;  // oldest first; about as many as the window has seconds
};

}  // namespace nightjar::client::protocol
