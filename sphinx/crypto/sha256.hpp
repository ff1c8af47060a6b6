// SHA-256's compression function, for one message or two in parallel. Internal to sphinx/packet.
// There is no one-shot hash, because every hash of the format is an HMAC that starts from saved
// pads.
#pragma once

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace nightjar::crypto {

/// The eight chaining words. Copyable (saved pads are copies); every copy is wiped.
struct Sha256State {
    std::array<std::uint32_t, 8> words{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    Sha256State() = default;
    Sha256State(const Sha256State&) = default;
    Sha256State& operator=(const Sha256State&) = default;
    ~Sha256State() { sodium_memzero(words.data(), sizeof words); }
};

/// Feeds `count` blocks of 64 bytes to each state, one lane per state.
template <std::size_t Lanes>
void sha256_compress(std::array<Sha256State, Lanes>& states,
                     const std::array<const std::uint8_t*, Lanes>& blocks, std::size_t count);

}  // namespace nightjar::crypto
