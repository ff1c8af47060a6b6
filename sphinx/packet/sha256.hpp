// SHA-256's compression function, for one message or two in step. Internal to sphinx/packet: no
// one-shot hash here, because every hash of the format is an HMAC that starts from saved pads.
#pragma once

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace nightjar::packet {

/// The eight chaining words. Copied freely (saved pads are copies) and wiped everywhere.
struct Sha256State {
    std::array<std::uint32_t, 8> words{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    Sha256State() = default;
    Sha256State(const Sha256State&) = default;
    Sha256State& operator=(const Sha256State&) = default;
    ~Sha256State() { sodium_memzero(words.data(), sizeof words); }
};

/// Feeds `count` blocks of 64 bytes to each of the states, lane by lane.
template <std::size_t Lanes>
void sha256_compress(std::array<Sha256State, Lanes>& states,
                     const std::array<const std::uint8_t*, Lanes>& blocks, std::size_t count);

}  // namespace nightjar::packet
