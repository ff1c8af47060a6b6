// The ticks of one exit session: a Poisson process whose pace changes where the client's schedule
// says so (docs/traffic-law.md section 2). Pure, one thread.
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
    /// change from the moment of sending, so of several packets with one sequence the one that was
    /// least delayed knows best: the earliest estimate holds. At every exit it is late by the same
    /// least delay of a route, so that paces handed over between two exits keep their sum.
    /// `most` caps the pace. `now` never goes back.
    void follow(const stream::Schedule& schedule, directory::Rate most, base::Mono now,
                base::Random& random);

    /// The next tick; drawn ahead, Mono::max() if there is none.
    base::Mono due() const { return due_; }
    /// The tick at due() is over: draws the next one, counted from it.
    void ticked(base::Random& random) { draw(due_, random); }
    /// Forgets the tick at due() and draws anew from `now`.
    void restart(base::Mono now, base::Random& random) { draw(now, random); }

    /// The higher of the paces now and after the change.
    directory::Rate highest() const { return std::max(before_, after_); }

 private:
    void draw(base::Mono from, base::Random& random);

    std::optional<std::uint32_t> sequence_;
    directory::Rate before_;
    directory::Rate after_;
    base::Mono change_{};
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay
