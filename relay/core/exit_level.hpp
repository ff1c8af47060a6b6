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
// The network chooses the room above what an exit gets and sends (Parameters::exit_room). If it
// chooses none, there are no levels and no cover.
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

/// The mean room at an exit_room of 1000 is the sum of two parts: this share of the sessions'
/// paces, and this many paces of a whole client, times the root of the number of whole clients (at
/// least 1). The room must cover the clients that come until the next draw, and its draw must hide
/// one.
inline constexpr double room_share = 0.05;
inline constexpr double room_root_clients = 1;

/// Packets a second.
struct ExitRates {
    double got = 0;
    double sent = 0;
};

class ExitLevel {
 public:
    static constexpr base::Seconds settled{120};  // handovers are over; half a shorter lifetime
    static constexpr base::Seconds overflow_grid{60};
    /// Loops and drop cover are each at most this many mean rooms. Without this bound, a flood into
    /// an exit while it draws its levels would come back as its own cover for a lifetime.
    static constexpr double cover_most = 3;

    ExitLevel(const directory::Parameters& parameters, base::Random& random);
    /// Another document's parameters. A changed room counts from the next draw; a room of 0 ends
    /// the cover at once.
    void use(const directory::Parameters& parameters);
    bool off() const { return room_ <= 0; }

    /// A packet came from another relay. Own loops that return must not be reported, nor drop cover
    /// that ends here: if it made loops fewer, all exits would have to send more drop cover.
    void got() { ++bin_.got; }
    /// So many packets left for other relays. The cover from missing() must not be reported.
    void sent(std::size_t packets) { bin_.sent += static_cast<double>(packets); }

    struct Missing {
        unsigned loops = 0;
        unsigned drop_cover = 0;
    };
    /// The cover to send now. Draws levels if it is time; for the first half second there are none.
    /// `pace`: the sum of the sessions' paces, in replies per second. Time in which nothing called
    /// this for longer than lateness_max does not count: a burst after it would show the stall.
    /// Precondition: `now` never decreases.
    Missing missing(double pace, base::Mono now, base::Wall wall);
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

    void begin(base::Mono now);
    ExitRates recent() const;
    ExitRates cover_rates() const;
    void close_bins(base::Mono now);
    void follow_clock(double pace, base::Wall wall);
    void draw(double pace);
    double draw_room() { return mean_room_ * (0.5 + random_.unit()); }
    bool overflows() const;
    unsigned pass(Process& process, double expected);
    void plan(const Process& process, double rate, base::Mono now);

    base::Random& random_;
    double room_ = 0;    // of the parameters; 0: off
    double client_ = 0;  // the paces of a whole client, replies per second
    base::Seconds lifetime_{};
    bool begun_ = false;
    ExitRates levels_;
    double mean_room_ = 0;             // at the last draw
    std::int64_t period_ = INT64_MIN;  // the lifetime of the last draw
    std::int64_t minute_ = INT64_MIN;
    ExitRates in_minute_;              // packets without cover since the last full minute
    double minute_seconds_ = 0;        // so long ago that was
    ExitRates bin_;                    // packets without cover in the present bin
    std::array<ExitRates, 5> bins_{};  // the last five, a ring
    std::size_t closed_bins_ = 0;      // since begin()
    base::Mono bin_ends_{};
    base::Mono from_{};
    Process loops_, drop_cover_;
    base::Mono due_ = base::Mono::max();
};

}  // namespace nightjar::relay::core
