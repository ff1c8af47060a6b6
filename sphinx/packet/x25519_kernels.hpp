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

/// A point of the curve in its Edwards form: y = (u - 1) / (u + 1), and x. The bytes outlive the
/// call.
struct LiftedPoint {
    const std::uint8_t* u;
    const std::uint8_t* x;
};
/// Multiples of one point, as the kernel that made it keeps them; no other kernel may read it.
struct alignas(64) PointTable {
    unsigned char bytes[18'688];
};
/// `product` becomes the u coordinate of odd_scalar * 8 * the table's point. The scalar is odd.
struct TableMultiplication {
    const std::uint8_t* odd_scalar;
    const PointTable* table;
    std::uint8_t* product;
};
/// False if the point is of low order; the table is of no use then.
bool tabulate_ifma(PointTable& table, const LiftedPoint& point);
bool tabulate_avx2(PointTable& table, const LiftedPoint& point);
/// Constant time in the scalar.
void multiply_tables_ifma(const TableMultiplication* batch, std::size_t count);
void multiply_tables_avx2(const TableMultiplication* batch, std::size_t count);

}  // namespace nightjar::packet
