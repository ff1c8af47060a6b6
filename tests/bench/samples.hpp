// Packets for benchmarks: five hops, the network's packet size, one key to unwrap them.
#pragma once

#include <stdexcept>
#include <vector>

#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::bench {

struct Samples {
    explicit Samples(std::size_t count) {
        for (std::size_t i = 0; i < packet::max_hops; ++i) {
            pairs.push_back(packet::generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, 1'000'000 * i});
        }
        for (std::size_t i = 0; i < count; ++i) {
            auto built =
                packet::build(packet::Version::v260, route, {}, {}, message, packet::payload_size,
                              packet::HeaderRandomness::draw(random));
            if (!built) throw std::logic_error("the samples cannot be built");
            packets.push_back(*std::move(built));
        }
    }

    base::SeededRandom random{1};
    std::vector<packet::KeyPair> pairs;
    std::vector<packet::Hop> route;
    base::Bytes message = base::Bytes(packet::message_size, 0x5a);
    std::vector<base::Bytes> packets;
};

/// A batch of copies of a packet, ready for the first hop to unwrap.
struct Batch {
    Batch(const Samples& samples, std::size_t count)
        : packets(samples.packets.begin(),
                  samples.packets.begin() + static_cast<std::ptrdiff_t>(count)),
          jobs(count) {
        for (std::size_t i = 0; i < count; ++i) {
            jobs[i].packet = packets[i];
            jobs[i].key = &samples.pairs[0].secret;
        }
    }
    std::vector<base::Bytes> packets;
    std::vector<packet::UnwrapJob> jobs;
};

}  // namespace nightjar::bench
