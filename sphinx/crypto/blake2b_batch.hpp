// Keyed BLAKE2b of several messages of equal length in parallel: LIONESS's hash over a batch of
// payloads. Internal to sphinx/packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nightjar::crypto {

/// One hash: a key of 64 bytes, a message of the batch's length, a digest of 32 bytes.
struct KeyedHash {
    const std::uint8_t* key;
    const std::uint8_t* message;
    std::uint8_t* digest;
};

/// Uses the kernel in force. The memory that a KeyedHash points to must outlive the call.
void blake2b_keyed(std::span<const KeyedHash> batch, std::size_t message_size);

}  // namespace nightjar::crypto
