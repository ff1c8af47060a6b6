// One run: packets that are built ahead are sent at times of a Poisson process, whatever the relay
// does, and each that comes out is matched to the one that went in.
#pragma once

#include <vector>

#include "tests/bench/relay_load/relay_process.hpp"
#include "tests/bench/relay_load/surroundings.hpp"

namespace nightjar::bench {

/// Quantiles of one quantity, in milliseconds.
struct Quantiles {
    double p50 = 0, p99 = 0, p999 = 0;
};

struct LoadResult {
    double rate = 0;  // packets a second that were sent
    std::size_t sent = 0;
    std::size_t refused = 0;  // of those, found the sender's queue full: the relay did not read
    std::size_t arrived = 0;
    double goodput = 0;            // packets a second that came out while others went in
    Quantiles added;               // exit - entry - the delay, of packets that ask one
    double generator_lag_p99 = 0;  // how late the generator was, in milliseconds
    Usage usage;                   // of the relay, while packets went in
    std::size_t handled = 0;       // packets that came out in that time
    double seconds = 0;
    Memory memory;  // at the end of that time

    double loss() const;
    double micros_per_packet() const;
};

/// The packets are sent in their order. Their links must stand.
LoadResult run_load(Surroundings& around, const RelayProcess& relay, std::vector<Prepared> packets,
                    double rate, base::Random& random);

}  // namespace nightjar::bench
