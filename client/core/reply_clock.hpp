// Estimates which replies an exit has sent by a given time, from the client's clock and the
// session's schedule (docs/traffic-law.md section 2, Settled replies). An exit counts its ticks in
// the numbers of its replies, so a number belongs to a time. A reply is settled a fixed time after
// it was sent. What a client sends may depend on the replies that are settled, and not on when they
// came.
//
// The exit's clock may be off. So the offset between the schedule and the numbers is put right now
// and then, in steps of half a second, and only if it is off by more than chance explains. All
// times are law times (the times of slots) unless stated otherwise. Pure; one thread.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::client::core {

/// The ticks of a session by its schedule: in the mean one per gap of 1/pace. An exit makes them at
/// moments of its beat (sphinx/stream/beat.hpp), up to a gap before or half a gap of the beat
/// behind.
class ReplyBeat {
 public:
    /// The pace is `next` from `change_at` on. The first call also sets the pace `before` that,
    /// from `now` on. Calls with the sequence of the last one change nothing.
    void follow(std::uint32_t sequence, directory::Rate before, base::Mono change_at,
                directory::Rate next, base::Mono now);
    /// So many gaps did not happen; if less than 0, so many more did. Those since count as before.
    void missed(double gaps);
    /// Gaps since the first call, less those that were missed; fractions count. Never below 0.
    double gaps(base::Mono at) const;
    /// When that many gaps have passed. Mono::max() if they never do.
    base::Mono passed(double gaps) const;
    /// When the pace first was above zero. Mono::max(): not yet.
    base::Mono begins() const;
    directory::Rate pace(base::Mono at) const;

 private:
    struct Leg {
        base::Mono from;
        directory::Rate pace;
        double gaps;  // at `from`
    };
    const Leg& leg_at(base::Mono at) const;

    std::optional<std::uint32_t> sequence_;
    std::vector<Leg> legs_;
    base::Mono begins_ = base::Mono::max();
};

class ReplyClock {
 public:
    explicit ReplyClock(base::Nanoseconds settle_after) : settle_after_{settle_after} {}

    ReplyBeat& beat() { return beat_; }
    const ReplyBeat& beat() const { return beat_; }
    /// A reply has come. `at`: the time of arrival.
    void arrived(stream::PacketNumber number, base::Mono at);
    /// All replies up to this number are settled. 0 until the offset is known. It can fall when
    /// the offset is put right.
    stream::PacketNumber settled_by(base::Mono now);

    /// The link is back after an interruption: the exit may not have heard of a change of pace
    /// meanwhile. So the offset is found anew, as at the session's begin, and nothing is settled
    /// until then.
    void look_again(base::Mono now);

    /// When the exit sent this number, or up to one gap earlier.
    base::Mono sent_at(stream::PacketNumber number) const;
    /// The ticks that the exit has made by `now`, or at most one more.
    std::uint32_t ticks_by(base::Mono now) const;
    /// When the offset was first known.
    std::optional<base::Mono> known_since() const { return known_since_; }
    base::Nanoseconds offset() const { return offset_; }

 private:
    void check(base::Mono now);
    void put_right(base::Mono now);

    base::Nanoseconds settle_after_;
    ReplyBeat beat_;
    base::Nanoseconds offset_{};  // the exit ticks later than the schedule by this
    std::optional<base::Mono> known_since_;
    std::optional<base::Mono> next_check_;
    base::Mono counted_from_{};               // when the present minute began
    base::Mono put_right_at_{};               // the last time
    std::optional<base::Nanoseconds> least_;  // arrival, less the time by the schedule
    std::uint32_t count_ = 0;
};

}  // namespace nightjar::client::core
