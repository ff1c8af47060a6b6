// The network's parameters, the same for every node (docs/traffic-law.md). Rates are integers in
// events per 1000 seconds ("milli"), so that each value has exactly one encoding in a document.
#pragma once

#include <cstdint>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::directory {

/// A rate in events per 1000 seconds.
struct Rate {
    std::uint32_t milli = 0;

    double per_second() const { return milli / 1000.0; }
    /// Mean gap between two events. Precondition: milli > 0.
    base::Nanoseconds mean_gap() const;
    auto operator<=>(const Rate&) const = default;
};

/// How every relay of the network holds packets (relay/core/mix_laws; docs/parameters.md says when
/// to choose which).
enum class MixLaw : std::uint8_t {
    poisson,     // each packet for the delay that its sender drew
    timed_pool,  // each interval a random part of the packets leaves
    threshold,   // all leave when there are enough, or when one has waited for mean_delay
};
/// A law and its own parameters. Those of another law are 0.
struct Mixing {
    MixLaw law = MixLaw::poisson;
    base::Milliseconds interval{};  // timed_pool: between two releases
    std::uint32_t keep = 0;         // timed_pool: so many stay at least
    std::uint32_t packets = 0;      // threshold: so many are enough
    bool operator==(const Mixing&) const = default;
};

struct Parameters {
    bool lab = false;  // allows exact metrics, fault injection, loopback exits
    base::Seconds epoch_length{3600};
    /// 1/mu, per hop: for how long a relay holds a packet on average; of `threshold`, at most.
    base::Milliseconds mean_delay{50};
    Mixing mixing{};
    Rate main_slots{50'000};               // U
    Rate client_loops{5'000};              // L
    Rate replies{45'000};                  // R, the sum of a client's paces
    Rate down{60'000};                     // D, constant
    Rate relay_loops{15'000};              // of each relay
    std::uint32_t surb_margin = 60;        // S* = pace x mean round trip + this
    std::uint32_t fixed_hops = 1;          // mixes that a session keeps in its routes
    base::Seconds session_lifetime{3600};  // handovers come at its multiples in network time
    base::Seconds session_grid{60};        // a client's first session begins at its multiples
    /// How far the levels of exits are above what they get and send, in thousandths of the mean
    /// room that relay/core/exit_level.hpp defines; 0: exits have no levels.
    std::uint32_t exit_room = 0;
    bool operator==(const Parameters&) const = default;

    /// A relay holds no packet for longer: 10 means, or mean_delay by `threshold`. A sender draws
    /// anew above it, and a relay drops a packet that asks for more.
    base::Nanoseconds delay_cap() const;
    /// The delay that a sender asks of one relay: drawn by `poisson`, 0 by the other laws, whose
    /// relays ignore it.
    base::Nanoseconds draw_delay(base::Random& random) const;
    /// The share of the packets that leaves at each interval of `timed_pool`, so that they are held
    /// for mean_delay on average.
    double pool_part() const;
    base::Nanoseconds longest_route_delay() const;  // 5 caps + 1 s
    base::Nanoseconds key_grace() const;            // a key is accepted for so long after its epoch
    base::Nanoseconds mean_round_trip() const;      // docs/traffic-law.md section 6
    std::uint32_t surb_stock_target(Rate pace) const;  // S*
    /// A reply is settled so long after it was sent. Then a client's packets may depend on it.
    /// Replies that come up to 2.4 s (by default) later than usual have no effect before.
    base::Nanoseconds settle_after() const;
    /// A packet to the exit is acknowledged by a reply that leaves within this time; one to the
    /// client within this time after it is settled. About one in 10,000 takes longer. Precondition:
    /// pace.milli > 0.
    base::Nanoseconds answer_after(Rate pace) const;
    /// If a packet of an exit is not acknowledged within this time, its data is sent again in a
    /// later one. Precondition: pace.milli > 0.
    base::Nanoseconds resend_after(Rate pace) const { return settle_after() + answer_after(pace); }

 private:
    base::Nanoseconds rare_sum(int relays, int means) const;
};

/// A slot or tick is at the middle of its gap, shifted by at most half of this fraction of the gap
/// (docs/decisions/0015-one-slot-a-gap.md).
inline constexpr double jitter_share = 0.1;
/// The position of a slot or tick in its gap, as a fraction of the gap, from a uniform draw in [0,
/// 1).
constexpr double place_in_gap(double draw) {
    return 0.5 + jitter_share * (draw - 0.5);
}

/// Every change of paces but a client's first comes at a multiple of this in network time, so that
/// it is not a client's own moment. Divides session_lifetime.
inline constexpr base::Seconds change_step{10};

inline constexpr base::Seconds key_early{75};  // a key is accepted this much before its epoch
/// A packet that a relay builds so late in an epoch uses the next one. A client draws the time:
/// each session, and the loops, in every epoch. Else it would show how far its clock is off.
inline constexpr base::Seconds made_for_next{30};
inline constexpr base::Seconds made_for_next_min{15};
inline constexpr base::Seconds made_for_next_max{45};
/// Any two clocks may differ by this.
inline constexpr base::Seconds clock_error{30};
static_assert(key_early == made_for_next_max + clock_error);

/// The epoch of a wall time; the start of an epoch.
base::Epoch epoch_at(base::Wall now, base::Seconds epoch_length);
base::Wall epoch_start(base::Epoch epoch, base::Seconds epoch_length);
/// The epoch whose keys a packet that is built now must use.
base::Epoch epoch_to_build_for(base::Wall now, base::Seconds epoch_length);

}  // namespace nightjar::directory
