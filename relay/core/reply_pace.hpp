// The tick schedule of one exit session (docs/traffic-law.md section 2): one tick in every gap of
// length 1/pace, exactly a gap after the one before
// (docs/decisions/0031-the-gateway-keeps-the-beat.md). The client's schedule says at which second
// of network time the pace changes; a gap in progress then continues at the new pace with its
// remaining fraction. The first tick's place is random, because an observer knows when a session
// opens. Pure; one thread.
#pragma once

#include <optional>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::relay::core {

/// A client announces a change at most 8 s ahead (client/core/session_plan.hpp). The rest is for
/// the difference of two clocks.
inline constexpr base::Seconds notice_max{10};

class ReplyPace {
 public:
    /// Applies a schedule that a packet brought at `now`, or `wall`. The highest sequence wins, and
    /// of one sequence the first packet: all later ones say the same. The pace changes at the
    /// schedule's second of `wall`, so two exits whose clocks agree change together, and the sum of
    /// their paces stays. A change that is past is in force at once. One that is more than
    /// notice_max ahead comes after notice_max: the client's clock is wrong, or the client lies.
    /// `most` caps the pace. Precondition: `now` never decreases.
    void follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                base::Wall wall, base::Random& random);

    /// The time of the next tick; Mono::max() if there is none.
    base::Mono due() const { return due_; }
    /// Call after the tick at due(): the next one is a gap later.
    void ticked();
    /// Discards the tick at due(), and starts again with `now` at a random point of a gap.
    void restart(base::Mono now, base::Random& random);

    /// The pace in force at `now`; zero once no tick is to come.
    directory::Rate in_force(base::Mono now) const {
        if (due_ == base::Mono::max() && after_.milli == 0) return {};
        return now < change_ ? before_ : after_;
    }
    /// The higher of the paces before and after the change.
    directory::Rate highest() const { return std::max(before_, after_); }

 private:
    void begin(base::Mono now, base::Random& random);
    void pass_to(base::Mono now);
    base::Mono when_due() const;

    std::optional<std::uint32_t> sequence_;
    directory::Rate before_;
    directory::Rate after_;
    base::Mono change_{};
    // At `from_`, this share of the gap from the last tick to the next one had passed.
    base::Mono from_{};
    double passed_ = 0;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
