// BLAKE2b in vector lanes, in files with compiler flags of their own (see x25519_kernels.hpp for
// the rule). Precondition: the processor can run it, and 1 <= count <= the number of lanes.
#pragma once

#include <cstddef>

#include "sphinx/crypto/blake2b_batch.hpp"

namespace nightjar::crypto {

inline constexpr std::size_t blake2b_key_size = 64;
inline constexpr std::size_t blake2b_digest_size = 32;

void blake2b_avx512_8(const KeyedHash* batch, std::size_t count, std::size_t message_size);
void blake2b_avx512_4(const KeyedHash* batch, std::size_t count, std::size_t message_size);
void blake2b_avx2_4(const KeyedHash* batch, std::size_t count, std::size_t message_size);

}  // namespace nightjar::crypto
