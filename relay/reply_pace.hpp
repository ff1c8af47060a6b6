// The ticks of one exit session (docs/traffic-law.md section 2): one near the middle of every
// gap 1/pace, at a pace that changes where the client's schedule says so. A gap that the
// change falls into goes on at the new pace with what is left of it. Where the first gap begins is
// drawn: everybody knows when sessions open. Pure, one thread.
#pragma once

#include <optional>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::relay {

class ReplyPace {
 public:
    /// A schedule that a packet brought at `now`. The highest sequence wins. The client counts the
    /// change from the moment of sending, so each packet tells of it late by its own delay; of
    /// those with one sequence the mean holds, until it has passed. At every exit that is late by
    /// the mean delay of a route, however many packets it had, so that paces handed over between
    /// two exits keep their sum. (The earliest is less late where more packets come: for want of
    /// 0.2 replies the client's gateway told hand-overs.) `most` caps the pace. `now` never goes
    /// back.
    void follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                base::Random& random);

    /// The next tick; drawn ahead, Mono::max() if there is none.
    base::Mono due() const { return due_; }
    /// The tick at due() is over: draws the one of the next gap.
    void ticked(base::Random& random);
    /// Forgets the tick at due(); where `now` lies in a gap is drawn anew.
    void restart(base::Mono now, base::Random& random);

    /// The higher of the paces now and after the change.
    directory::Rate highest() const { return std::max(before_, after_); }

 private:
    void begin(base::Mono now, base::Random& random);
    void pass_to(base::Mono now);
    base::Mono when_due() const;

    std::optional<std::uint32_t> sequence_;
    std::int64_t told_ = 0;  // packets that told of the change
    directory::Rate before_;
    directory::Rate after_;
    base::Mono change_{};
    // Time in gaps: `passed_` have passed at `from_` since the gap began in which the next tick
    // lies (below 0: it is still to begin), and that tick lies at `place_` in it.
    base::Mono from_{};
    double passed_ = 0;
    double place_ = 0;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay
