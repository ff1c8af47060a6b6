// The kernels of x25519_batch, each in its own file with its own compiler flags. Such a file must
// not define anything that the linker could use for other code: no inline function, no library
// template (tests/unit/kernel_objects.py checks). Precondition of each function: the processor can
// run it, and 1 <= count <= x25519_call_max. Incomplete groups of lanes are filled with zeros.
#pragma once

#include <cstddef>

#include "sphinx/crypto/x25519_batch.hpp"

namespace nightjar::crypto {

/// The multiplications of a call share one inversion; longer calls would gain nothing.
inline constexpr std::size_t x25519_call_max = 64;

void multiply_ifma_8(const Multiplication* batch, std::size_t count);
void multiply_ifma_4(const Multiplication* batch, std::size_t count);
void multiply_avx2_4(const Multiplication* batch, std::size_t count);

/// A point of the curve in its Edwards form: y = (u - 1) / (u + 1), and x. The bytes must outlive
/// the call.
struct LiftedPoint {
    const std::uint8_t* u;
    const std::uint8_t* x;
};
/// Multiples of one point, in the format of the kernel that made the table; no other kernel may
/// read it.
struct alignas(64) PointTable {
    unsigned char bytes[18'688];
};
/// `product` becomes the u coordinate of odd_scalar * 8 * the table's point. Precondition: the
/// scalar is odd.
struct TableMultiplication {
    const std::uint8_t* odd_scalar;
    const PointTable* table;
    std::uint8_t* product;
};
/// Fills the table. Returns false if the point is of low order; the table must not be used then.
bool tabulate_ifma(PointTable& table, const LiftedPoint& point);
bool tabulate_avx2(PointTable& table, const LiftedPoint& point);
/// Constant time in the scalar.
void multiply_tables_ifma(const TableMultiplication* batch, std::size_t count);
void multiply_tables_avx2(const TableMultiplication* batch, std::size_t count);

}  // namespace nightjar::crypto
