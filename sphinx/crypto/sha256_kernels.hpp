// SHA-256 compression in files with compiler flags of their own (see x25519_kernels.hpp for the
// rule). Precondition: has_sha_instructions(). Each state is eight words.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nightjar::crypto {

void sha256_ni_1(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                 std::size_t count);
void sha256_ni_2(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                 std::size_t count);

}  // namespace nightjar::crypto
