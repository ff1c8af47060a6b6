// What an observer of one relay's links learns about a packet where the relay mixes by itself: by
// the laws timed-pool and threshold. The product's own mix runs under Poisson traffic in virtual
// time, with a tick at each whole millisecond in which it has something to do.
#pragma once

#include <cstdint>
#include <vector>

#include "sphinx/directory/parameters.hpp"

namespace nightjar::lab::attacks {

struct LawTrace {
    struct Release {
        std::uint32_t inside = 0;  // packets in the mix before it
        std::uint32_t leave = 0;
    };
    std::vector<Release> releases;     // without those in which nothing left
    std::vector<std::uint32_t> first;  // of each packet: the first release after it came
    std::vector<std::uint32_t> left;   // of each packet: the release in which it left
    std::vector<double> held_ms;       // of each packet
};

/// Sends `packets` packets through a mix of this law. Precondition: the law is not poisson.
LawTrace drive_law(const directory::Parameters& law, double per_second, std::size_t packets,
                   std::uint64_t seed);

/// The entropy of a packet's departure for an observer who sees how many packets come and leave.
/// At each release all packets inside have the same chance to leave, so the posterior is a product
/// of those chances. (About one packet in 10,000 leaves because it has reached the cap. That is
/// ignored.)
struct LawSummary {
    double mean = 0;      // bits
    double p5 = 0;        // bits
    double least = 0;     // bits
    double alone = 0;     // share of packets that left alone from a mix that held nothing else
    double surprise = 0;  // bits; its mean is the entropy if this model of the relay is right
    double held_mean_ms = 0;
    double held_p99_ms = 0;
};
/// Leaves out the packets of the first and the last second.
LawSummary summary(const LawTrace& trace, double per_second);

}  // namespace nightjar::lab::attacks
