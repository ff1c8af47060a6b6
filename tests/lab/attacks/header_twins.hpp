// Two networks of the same seed that differ only in times which the plaintext of a packet must not
// depend on. Every packet of every client is compared with its twin, byte for byte.
#pragma once

#include <cstdint>

namespace nightjar::lab::attacks {

/// What differs between the twins.
/// `moments`: each client's slots: their phase and their jitter.
/// `deliveries`: order and time of the deliveries to each client, by up to 1.8 s.
enum class Differs { nothing, moments, deliveries };

/// Packets whose twin differs, in all and by field. SURBs are compared as bytes.
struct TwinCount {
    std::size_t packets = 0;  // pairs that were compared
    std::size_t differ = 0;
    std::size_t number = 0, schedule = 0, acks = 0, surb_count = 0, epoch = 0, surbs = 0,
                frames = 0;
};

/// Idle clients, from connecting on. Pure but for the time it takes.
TwinCount compare_twins(Differs differs, std::uint64_t seed, unsigned clients, double seconds);

}  // namespace nightjar::lab::attacks
