// The kernels behind x25519_batch, each in a file of its own with its own compiler flags. Such a
// file may define nothing that another could link to by accident: no inline function, no library
// template (tests/unit/kernel_objects.py looks). Precondition of each: the processor can run it,
// and 1 <= count <= x25519_call_max. Groups of lanes are filled up with zeros.
#pragma once

#include <cstddef>

#include "sphinx/packet/x25519_batch.hpp"

namespace nightjar::packet {

/// The inversion is shared by all multiplications of a call; from here on more would not pay.
inline constexpr std::size_t x25519_call_max = 64;

void multiply_ifma_8(const Multiplication* batch, std::size_t count);
void multiply_ifma_4(const Multiplication* batch, std::size_t count);
void multiply_avx2_4(const Multiplication* batch, std::size_t count);

}  // namespace nightjar::packet
