// The tick schedule of one exit session (docs/traffic-law.md section 2): one tick near the middle
// of every gap of length 1/pace. The client's schedule says when the pace changes; a gap in
// progress then continues at the new pace with its remaining fraction. The start of the first gap
// is random, because an observer knows when a session opens. Pure; one thread.
#pragma once

#include <optional>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::relay::core {

class ReplyPace {
 public:
    /// Applies a schedule that a packet brought at `now`. The highest sequence wins. The client
    /// counts the time of the change from the moment of sending, so each packet of one sequence
    /// gives an estimate of it that is late by the packet's own delay. We use the mean of these
    /// estimates until the change has passed. Every exit is then late by the same mean route delay,
    /// however many packets it received, so that a pace handed over from one exit to another keeps
    /// their sum. (The earliest estimate is less late where more packets arrive: the sum was then
    /// short by 0.2 replies, and the client's gateway could detect handovers:
    /// docs/decisions/0018-a-change-leaves-no-mark.md.) `most` caps the pace. Precondition: `now`
    /// never decreases.
    void follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                base::Random& random);

    /// The time of the next tick, drawn in advance; Mono::max() if there is none.
    base::Mono due() const { return due_; }
    /// Call after the tick at due(): draws the tick of the next gap.
    void ticked(base::Random& random);
    /// Discards the tick at due(), and starts again with `now` at a random point of a gap.
    void restart(base::Mono now, base::Random& random);

    /// The higher of the paces before and after the change.
    directory::Rate highest() const { return std::max(before_, after_); }

 private:
    void begin(base::Mono now, base::Random& random);
    void pass_to(base::Mono now);
    base::Mono when_due() const;

    std::optional<std::uint32_t> sequence_;
    std::int64_t told_ = 0;  // packets that announced the change
    directory::Rate before_;
    directory::Rate after_;
    base::Mono change_{};
    // Time measured in gaps, relative to the gap that holds the next tick: at `from_`, `passed_` of
    // it had passed (negative: it had not begun), and its tick is at `place_`.
    base::Mono from_{};
    double passed_ = 0;
    double place_ = 0;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
