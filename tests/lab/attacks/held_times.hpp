// Measures how long a whole relay holds packets when unwrapping takes time. It runs the product's
// relay::Pipeline with packets in clear. The worker pool and the ticker are replaced by models of
// the following rules.
//
// Workers (relay/io/unwrap_pool.cpp): an idle worker takes its share of the waiting packets, at
// most 64, and returns all of them together. Ticker (relay/io/ticker.cpp): fires at the whole
// millisecond after the next due time, at most once per millisecond, and at once if a packet is
// overdue.
#pragma once

#include <cstdint>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::lab::attacks {

/// Selects the unwrap times of docs/performance.md; `none` takes no time.
enum class Kernel { none, avx2, portable };

struct HeldOptions {
    std::uint64_t seed = 1;
    Kernel kernel = Kernel::avx2;
    double load = 0.5;  // share of the workers' maximal rate
    unsigned workers = 2;
    std::size_t packets = 100'000;
    /// Subtracted from each packet's arrival time. Minus half a tick cancels the product's rule:
    /// packets then leave in the next tick, not in the nearest one.
    base::Nanoseconds earlier{};
};

struct HeldTimes {
    std::vector<double> held_ms;  // departure - arrival, of all packets that left
    double asked_mean_ms = 0;
    double per_second = 0;      // arrivals
    double busy_share = 0;      // share of the workers' time
    double unwrap_mean_ms = 0;  // from arrival until unwrapped, waiting included
    std::uint64_t lost = 0;     // packets that never left
};
HeldTimes held_times(const HeldOptions& options);

/// The distribution of the capped delay, in milliseconds. The second adds a uniform wait of up to
/// one tick.
double law_cdf(double ms);
double law_and_tick_cdf(double ms);

}  // namespace nightjar::lab::attacks
