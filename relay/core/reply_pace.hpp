// The ticks of one exit session (docs/traffic-law.md section 2): those moments of the exit's beat
// that belong to its ranks (sphinx/stream/beat.hpp). The client's schedule says at which second of
// network time the pace changes. Pure; one thread.
#pragma once

#include <optional>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/beat.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::relay::core {

/// A client announces a change at most 8 s ahead (client/core/session_plan.hpp). The rest is for
/// the difference of two clocks.
inline constexpr base::Seconds notice_max{10};

class ReplyPace {
 public:
    /// Applies a schedule that a packet brought at `now`. The highest sequence wins, and of one
    /// sequence the first packet: all later ones say the same. The pace changes at the schedule's
    /// second of network time, so two exits whose clocks agree change together, and the sum of
    /// their paces stays. A change that is past is in force at once. One that is more than
    /// notice_max ahead comes after notice_max: the client's clock is wrong, or the client lies.
    /// `most` caps the pace. Precondition: `now` never decreases.
    void follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                const stream::Beat& beat);

    /// The time of the next tick; Mono::max() if there is none.
    base::Mono due() const { return due_; }
    /// Call after the tick at due(), or before it once nothing can change it.
    void ticked(const stream::Beat& beat);
    /// Discards the tick at due(), and goes on with the beat at `now`.
    void restart(base::Mono now, const stream::Beat& beat);

    /// The pace in force at `now`; zero once no tick is to come.
    directory::Rate in_force(base::Mono now) const {
        if (due_ == base::Mono::max() && after_.milli == 0) return {};
        return now < change_ ? before_ : after_;
    }
    /// The higher of the paces before and after the change.
    directory::Rate highest() const { return std::max(before_, after_); }

 private:
    base::Mono next(base::Mono from, const stream::Beat& beat) const;

    std::optional<std::uint32_t> sequence_;
    directory::Rate before_;
    directory::Rate after_;
    std::uint8_t rank_before_ = 0, rank_after_ = 0;  // the first one
    base::Mono change_{};
    base::Mono free_from_{};  // no moment before has a tick any more
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
