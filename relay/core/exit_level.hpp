// What an exit sends beside its sessions' replies: own loops that fill its total to a level. An
// observer of all links counts what each exit sends. Without loops the total changes when one
// client connects, hands over or leaves, and so names the client's exit
// (docs/decisions/0027-headers-and-handovers-in-the-laboratory.md).
//
// The level is drawn once in each session lifetime, some time after the network's common moment of
// handovers, so that it follows from all sessions together. Until the next draw the total is the
// level, also when clients come or go. If the sessions alone exceed it, a new level is drawn at the
// next minute. A loop has a random place near the middle of each gap of 1/(level - pace), like a
// slot.
//
//   paces of all sessions ──follow()──> level - pace ──> due(), taken(): one loop each
//
// Pure; one thread. `random` must outlive this object.
#pragma once

#include <cstdint>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay::core {

/// The room above the sessions' paces when a level is drawn: this, times a uniform draw from 0.5 to
/// 1.5. It must cover the clients that come until the next draw, and its draw must hide one client.
/// Both 0: no level, no loops.
struct ExitHeadroom {
    double share = 0;         // of the paces
    double root_clients = 0;  // paces of whole clients, times the root of their number (at least 1)

    bool off() const { return share <= 0 && root_clients <= 0; }
};

class ExitLevel {
 public:
    static constexpr base::Seconds settled{120};  // handovers are over; half a shorter lifetime
    static constexpr base::Seconds overflow_grid{60};

    ExitLevel(const ExitHeadroom& headroom, base::Random& random)
        : headroom_{headroom}, random_{random} {}

    /// Sets the sum of the sessions' paces, in replies per second, and draws a level if it is time.
    /// Precondition: `now` never decreases.
    void follow(double pace, const directory::Parameters& parameters, base::Mono now,
                base::Wall wall);
    bool off() const { return headroom_.off(); }
    /// When the next loop is due; Mono::max() if none is.
    base::Mono due() const { return due_; }
    /// Call when the loop at due() was sent, or is too late to send.
    void taken(base::Mono now);

    /// Cells per second that the exit sends in all, if its sessions do not exceed it.
    double level() const { return level_; }

 private:
    void draw(double pace, const directory::Parameters& parameters);
    void pass_to(base::Mono now);
    void plan();

    ExitHeadroom headroom_;
    base::Random& random_;
    double level_ = 0;
    double pace_ = 0;
    std::int64_t period_ = INT64_MIN;  // the lifetime of the last draw
    std::int64_t minute_ = INT64_MIN;
    // As in reply_pace.hpp: at `from_`, `passed_` of the present gap had passed, and its loop is at
    // `place_` of it.
    base::Mono from_{};
    double passed_ = 0;
    double place_ = 0;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
