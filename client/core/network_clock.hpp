// Network time at the client (docs/traffic-law.md section 1, Law time): the wall clock, tied to the
// monotonic one at a whole second. Slots and sessions count from that second, so that what they
// decide follows from network time and never from the moment at which a packet leaves. Pure, any
// thread.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::client::core {

struct NetworkClock {
    base::Mono zero{};     // when the whole second `at_zero` of network time began
    base::Wall at_zero{};  // a whole second, but for later corrections

    /// The clock that reads `wall` at `now`.
    static NetworkClock reading(base::Mono now, base::Wall wall) {
        const auto second = std::chrono::floor<base::Seconds>(wall);
        return {now - (wall - second), second};
    }
    base::Wall at(base::Mono time) const {
        return at_zero + std::chrono::floor<base::Milliseconds>(time - zero);
    }
    base::Mono time_of(base::Wall time) const { return zero + (time - at_zero); }
    /// The whole second of network time that is nearest to `time`.
    std::uint32_t nearest_second(base::Mono time) const {
        const auto second = std::chrono::round<base::Seconds>(at(time));
        return static_cast<std::uint32_t>(second.time_since_epoch().count());
    }
    /// Follows a wall clock that has been set: it reads `wall` at `now`, a second or more from what
    /// this clock reads. `zero` stays, so no slot moves.
    void follow(base::Mono now, base::Wall wall) {
        const auto off = wall - at(now);
        if (off <= -set_by || off >= set_by) at_zero += std::chrono::round<base::Seconds>(off);
    }
    /// Network time was found to be ahead by `by` (clock_correction.hpp). No slot moves.
    void move(base::Milliseconds by) { at_zero += by; }

 private:
    static constexpr base::Seconds set_by{1};
};

}  // namespace nightjar::client::core
