// One relay's mix queue under Poisson traffic, in virtual time, with the ticks that production
// gives it: at the whole milliseconds in which something is due. And the relays that it is compared
// with, fed with the same packets.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "relay/mix_queue.hpp"
#include "tests/privacy/posterior.hpp"

namespace nightjar::privacy {

inline constexpr base::Milliseconds mean_delay{50};
inline constexpr base::Nanoseconds delay_cap = 10 * base::Nanoseconds{mean_delay};
inline constexpr base::Milliseconds tick_length{1};

struct Traffic {
    std::vector<base::Mono> arrivals;
    std::vector<base::Nanoseconds> delays;  // what the ideal mix would hold them for
    std::vector<base::Nanoseconds> capped;  // what the product does: drawn anew above the cap
};
Traffic poisson(std::uint64_t seed, double per_second, std::size_t packets);

/// What a broken queue does with a tick's packets, in the place of a shuffle.
using Flush = std::function<void(std::span<relay::Held>)>;
void by_arrival(std::span<relay::Held> released);
void by_due(std::span<relay::Held> released);

struct Driven {
    RelayTrace trace;
    std::vector<base::Mono> due;
};
/// Packets that arrive and ask for `delays`, through the product's own relay::MixQueue. `broken`,
/// if set, then arranges what each tick has released.
Driven drive(const Traffic& traffic, const std::vector<base::Nanoseconds>& delays,
             std::uint64_t seed, const Flush& broken = nullptr);

/// The ideal mix, M/M/infinity: no cap, no ticks, each leaves at the instant that is its own.
RelayTrace ideal(const Traffic& traffic);

/// Counts which place in its tick the k-th of its packets got, for each number of packets in a
/// tick; k counts in order of arrival, or in the order in which they were due.
class PlaceCounts {
 public:
    static PlaceCounts by_arrival(const Driven& driven);
    static PlaceCounts by_due(const Driven& driven);

    /// Pearson's statistic against "all places alike", as a standard normal deviate (Wilson and
    /// Hilferty): near 0 for a uniform order, large for any other.
    double deviate() const;
    /// Mutual information of k and place, per packet, less what chance alone shows of it.
    double bits() const;

 private:
    struct OfSize {
        std::vector<double> cells;  // k * size + place
        double ticks = 0;
    };
    template <class Before>
    static PlaceCounts count(const Driven& driven, const Before& before);
    /// Enough ticks that Pearson's statistic has its distribution.
    static bool counts(std::size_t size, const OfSize& table) {
        return size > 1 && table.ticks >= 5.0 * static_cast<double>(size);
    }

    std::vector<OfSize> by_size_;
};

}  // namespace nightjar::privacy
