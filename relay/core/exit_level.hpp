// What an exit sends beside its sessions' replies: cover that fills what it gets to one level, and
// what it sends to another. An observer of all links counts both. Without cover they change when
// one client connects, hands over or leaves, and so name the client's exit
// (docs/decisions/0027-headers-and-handovers-in-the-laboratory.md).
//
// Own loops fill what the exit gets: where a client's packets begin, there are fewer loops by as
// much. Drop cover, which does not come back, fills what it sends. Both levels are drawn once in
// each session lifetime, some time after the network's common moment of handovers, so that they
// follow from all sessions together. Until the next draw they stay, also when clients come or go.
// If more than a level came or left during the last minute, both are drawn anew at the next full
// minute.
//
// Loops and drop cover are Poisson processes. Their rates are what was missing in the last half
// second. If they filled each gap exactly, an observer could compute when the next one comes, and
// tell all other packets from cover.
//
//   got(), sent() ──last half second──> level - rate ──missing()──> loops, drop cover
//
// Pure; one thread. `random` must outlive this object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay::core {

/// The room above what an exit gets and sends when levels are drawn: this, times a uniform draw
/// from 0.5 to 1.5. It must cover the clients that come until the next draw, and its draw must hide
/// one client. Both 0: no levels, no cover.
struct ExitHeadroom {
    double share = 0;         // of the sessions' paces
    double root_clients = 0;  // paces of whole clients, times the root of their number (at least 1)

    bool off() const { return share <= 0 && root_clients <= 0; }
};

/// Packets a second.
struct ExitRates {
    double got = 0;
    double sent = 0;
};

class ExitLevel {
 public:
    static constexpr base::Seconds settled{120};  // handovers are over; half a shorter lifetime
    static constexpr base::Seconds overflow_grid{60};

    ExitLevel(const ExitHeadroom& headroom, base::Random& random)
        : headroom_{headroom}, random_{random} {}
    bool off() const { return headroom_.off(); }

    /// A packet came from another relay. Own loops that return must not be reported, nor drop cover
    /// that ends here: if it made loops fewer, all exits would have to send more drop cover.
    void got() { ++bin_.got; }
    /// So many packets left for other relays. The cover from missing() must not be reported.
    void sent(std::size_t packets) { bin_.sent += static_cast<double>(packets); }

    struct Missing {
        unsigned loops = 0;
        unsigned drop_cover = 0;
    };
    /// The cover to send now. Draws levels if it is time. `pace`: the sum of the sessions' paces,
    /// in replies per second. Time in which nothing called this for longer than lateness_max does
    /// not count: a burst after it would show the stall. Precondition: `now` never decreases.
    Missing missing(double pace, const directory::Parameters& parameters, base::Mono now,
                    base::Wall wall);
    /// When missing() must be called next; Mono::max() if it is off.
    base::Mono due() const { return due_; }

    /// What the exit gets and sends in all, cover included, unless its sessions exceed it.
    const ExitRates& levels() const { return levels_; }

 private:
    static constexpr base::Milliseconds bin_length{100};

    /// One of the two processes: the next packet is due when so many packets should have been sent.
    struct Process {
        double left = 0;
        bool begun = false;
    };

    ExitRates recent() const;
    ExitRates cover_rates() const;
    void close_bins(base::Mono now);
    void draw(double pace, const directory::Parameters& parameters);
    double room(double pace, const directory::Parameters& parameters);
    bool overflows() const;
    unsigned pass(Process& process, double expected);
    void plan(const Process& process, double rate, base::Mono now);

    ExitHeadroom headroom_;
    base::Random& random_;
    ExitRates levels_;
    std::int64_t period_ = INT64_MIN;  // the lifetime of the last draw
    std::int64_t minute_ = INT64_MIN;
    ExitRates in_minute_;              // packets without cover since the last full minute
    double minute_seconds_ = 0;        // so long ago that was
    ExitRates bin_;                    // packets without cover in the present bin
    std::array<ExitRates, 5> bins_{};  // the last five, a ring
    std::size_t next_bin_ = 0;
    base::Mono bin_ends_{};
    base::Mono from_{};
    Process loops_, drop_cover_;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
