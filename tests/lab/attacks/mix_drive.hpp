// Runs one relay's mix queue under Poisson traffic in virtual time, with the product's ticks: at
// each whole millisecond in which a packet is due. Also the relays to compare it with, which get
// the same packets.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "relay/core/mix_queue.hpp"
#include "tests/lab/measure/posterior.hpp"

namespace nightjar::lab::attacks {

inline constexpr base::Milliseconds mean_delay{50};
inline constexpr base::Nanoseconds delay_cap = 10 * base::Nanoseconds{mean_delay};
inline constexpr base::Milliseconds tick_length{1};

struct Traffic {
    std::vector<base::Mono> arrivals;
    std::vector<base::Nanoseconds> delays;  // exponential, for the ideal mix
    std::vector<base::Nanoseconds> capped;  // for the product: drawn anew above the cap
};
Traffic poisson(std::uint64_t seed, double per_second, std::size_t packets);

/// The order in which a broken queue sends a tick's packets, in place of the shuffle.
using Flush = std::function<void(std::span<relay::core::HeldPacket>)>;
void by_arrival(std::span<relay::core::HeldPacket> released);
void by_due(std::span<relay::core::HeldPacket> released);

struct Driven {
    measure::RelayTrace trace;
    std::vector<base::Mono> due;
};
/// Sends the packets with these delays through the product's relay::MixQueue. If `broken` is set,
/// it reorders the packets that each tick releases.
Driven drive(const Traffic& traffic, const std::vector<base::Nanoseconds>& delays,
             std::uint64_t seed, const Flush& broken = nullptr);

/// The ideal mix, M/M/infinity: no cap and no ticks; each packet leaves exactly when it is due.
measure::RelayTrace ideal(const Traffic& traffic);

/// For each number of packets in a tick, counts the output position of the tick's k-th packet; k
/// counts by arrival, or by due time.
class PlaceCounts {
 public:
    static PlaceCounts by_arrival(const Driven& driven);
    static PlaceCounts by_due(const Driven& driven);

    /// Pearson's statistic for the hypothesis that all positions are equally likely, as a standard
    /// normal deviate (Wilson and Hilferty): near 0 for a uniform order, large for any other.
    double deviate() const;
    /// The mutual information of k and the position, in bits per packet, minus its bias by chance.
    double bits() const;

 private:
    struct OfSize {
        std::vector<double> cells;  // k * size + place
        double ticks = 0;
    };
    template <class Before>
    static PlaceCounts count(const Driven& driven, const Before& before);
    /// True if there are enough ticks for Pearson's statistic to have its limiting distribution.
    static bool counts(std::size_t size, const OfSize& table) {
        return size > 1 && table.ticks >= 5.0 * static_cast<double>(size);
    }

    std::vector<OfSize> by_size_;
};

}  // namespace nightjar::lab::attacks
