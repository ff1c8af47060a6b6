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
// Replies leave at the moments of a beat (sphinx/stream/beat.hpp), and so does this cover: at each
// moment the exit sends one constant number of packets. Otherwise an observer could fold what it
// sends at the gap of the beat, and would see one sharp line for each session. How many of the
// cover are loops follows from what the exit got in the last half second.
//
//   got() ──last half second──> level - rate ──────────────> loops
//   replies of this moment ───> packets a moment - replies - loops ──> drop cover
//
// The network chooses the room above what an exit gets and sends (Parameters::exit_room). If it
// chooses none, there are no levels and no cover.
//
// Pure; one thread. `random` must outlive this object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/beat.hpp"

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
    void got() { ++bin_; }

    struct Missing {
        unsigned loops = 0;
        unsigned drop_cover = 0;
    };
    /// The cover to send now, beside `replies`, which leave at once. None between two moments of
    /// the beat. Draws levels if it is time; for the first half second there are none. `pace`: the
    /// sum of the sessions' paces, in replies per second. Time in which nothing called this for
    /// longer than lateness_max does not count: a burst after it would show the stall.
    /// Precondition: `now` never decreases, and the beat knows the time.
    Missing missing(double pace, std::size_t replies, const stream::Beat& beat, base::Mono now,
                    base::Wall wall);
    /// When missing() must be called next; Mono::max() if it is off.
    base::Mono due() const { return due_; }

    /// What the exit gets, and what leaves at moments of the beat, in all. Cover is included. More
    /// only if the sessions exceed it.
    const ExitRates& levels() const { return levels_; }
    /// So many packets leave at each moment of the beat.
    unsigned per_moment() const { return per_moment_; }
    /// So much cover of each kind may leave at a moment, unless many sessions end at once.
    unsigned cover_per_moment() const;

 private:
    static constexpr base::Milliseconds bin_length{100};
    /// The replies of so many moments in 60 may exceed what counts as most. Otherwise one stall, or
    /// sessions that tick at few moments, would set the level for a lifetime.
    static constexpr std::size_t exceptions = 8;

    void begin(base::Mono now);
    void follow_beat(const stream::Beat& beat);
    unsigned moments_until(base::Mono now, const stream::Beat& beat);
    void note(unsigned moments, std::size_t replies);
    Missing fill(unsigned moments, std::size_t replies);
    double recent() const;
    void close_bins(base::Mono now);
    void follow_clock(double pace, base::Wall wall);
    void draw(double pace);
    double draw_room() { return mean_room_ * (0.5 + random_.unit()); }
    bool overflows() const;
    std::span<const std::uint16_t> known_moments() const;
    std::uint16_t most() const;
    std::uint16_t least() const;

    base::Random& random_;
    double room_ = 0;    // of the parameters; 0: off
    double client_ = 0;  // the paces of a whole client, replies per second
    base::Seconds lifetime_{};
    bool begun_ = false;
    ExitRates levels_;
    double mean_room_ = 0;             // at the last draw
    std::int64_t period_ = INT64_MIN;  // the lifetime of the last draw
    std::int64_t minute_ = INT64_MIN;
    base::Mono from_{};
    // What the exit got, without cover: in the present bin, in the last five, a ring, and since the
    // last full minute.
    double bin_ = 0;
    std::array<double, 5> bins_{};
    std::size_t closed_bins_ = 0;  // since begin()
    base::Mono bin_ends_{};
    double minute_got_ = 0;
    double minute_seconds_ = 0;
    // What the exit sends.
    double beat_ = 0;                               // moments a second
    base::Mono due_ = base::Mono::max();            // the next moment
    double pace_ = 0;                               // of the sessions, as of the last call
    std::size_t outside_ = 0;                       // replies since the last moment
    std::array<std::uint16_t, 60> at_moments_{};    // replies at the last moments, a ring
    std::size_t moments_ = 0;                       // since begin(), or since the beat changed
    double minute_moments_ = 0, minute_above_ = 0;  // of these, above the level
    unsigned per_moment_ = 0;
    unsigned cover_per_moment_ = 0;  // by the last draw
    double owed_loops_ = 0;          // fractions, and those for which a moment had no room
};

}  // namespace nightjar::relay::core
