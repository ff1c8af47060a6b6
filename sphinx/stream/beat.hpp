// The beat of an exit: the moments at which it sends replies, and cover that looks like them
// (docs/traffic-law.md section 2, "Ticks"; docs/decisions/0087-one-beat.md). There are R moments a
// second. They lie at the same points of network time at all exits, so the time of a reply does not
// say whose it is.
//
// Moment k is (k + 1/2) / R seconds after 1970. At a pace below R a session ticks at some moments
// only. Thirty moments in a row are a frame. Each has a rank in it, from 0 to 29, such that any
// ranks in a row lie apart in time. A session has ranks in a row: as many as its pace is thirtieths
// of R, from a first one on that its client says. A client gives its sessions all thirty, each to
// one. So all of a client together tick once at each moment, whatever its sessions are, and what
// comes back to it is the same beat for all clients. Where a pace is no whole number of ranks, the
// last one is used in some frames only, so that the mean is exact.
//
// Pure; one thread.
#pragma once

#include <cstdint>

#include "sphinx/base/time.hpp"

namespace nightjar::stream {

class Beat {
 public:
    /// A number of gaps since 1970. Never negative.
    using Moment = std::int64_t;

    static constexpr std::uint32_t rate_max = 10'000'000;
    static constexpr std::uint8_t frame = 30;  // moments

    /// `rate`: R, in moments per 1000 s, from 1 to rate_max.
    explicit Beat(std::uint32_t rate) : rate_{rate} {}
    /// Another document's R. The numbers of moments change.
    void use(std::uint32_t rate) { rate_ = rate; }

    /// Tells the time. Call it before all others, and often. The clocks' difference is a mean over
    /// many calls: one reading is only as good as a millisecond. It moves once a minute at most,
    /// unless the wall clock was set or the machine slept. Precondition: `now` never decreases.
    void follow(base::Mono now, base::Wall wall);

    base::Nanoseconds gap() const { return base::Nanoseconds{base::Seconds{1000}} / rate_; }
    base::Mono at(Moment moment) const;
    /// The first moment at `at` or later.
    Moment from(base::Mono at) const;
    /// The first moment from `moment` on at which a session of this pace ticks. `pace`: ticks per
    /// 1000 s, not zero; above R it counts as R. `first_rank`: below frame.
    Moment tick_from(Moment moment, std::uint32_t pace, std::uint8_t first_rank) const;
    /// When this network time comes.
    base::Mono when(base::Wall wall) const;

 private:
    base::Nanoseconds since_1970(base::Mono at) const;
    /// How many ranks a pace has in this frame.
    std::int64_t ranks_in(std::int64_t number, std::int64_t part) const;
    std::int64_t before_next_tick(std::int64_t frame, std::int64_t part) const;

    std::int64_t rate_;
    base::Nanoseconds ahead_{};  // network time since 1970, less Mono's
    bool known_ = false;
    bool settled_ = false;  // ahead_ is a mean
    base::Mono counted_from_{};
    base::Nanoseconds off_{};  // the sum of what readings differ from ahead_
    std::int64_t readings_ = 0;
};

}  // namespace nightjar::stream
