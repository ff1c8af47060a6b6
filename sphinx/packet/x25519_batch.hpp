// Many X25519 multiplications in one call: a relay always has several packets waiting, and across
// packets they are independent. Constant time: no branch and no address depends on a scalar.
#pragma once

#include <cstdint>
#include <span>

namespace nightjar::packet {

/// One multiplication of 32-byte strings that outlive the call. `product` becomes X25519(scalar,
/// point), the scalar clamped and the point's top bit ignored as RFC 7748 says; 32 zeros where the
/// point is of low order, which the caller must refuse. `product` may be the same bytes as `scalar`
/// or `point` of the same multiplication, but of no other.
struct Multiplication {
    const std::uint8_t* scalar;
    const std::uint8_t* point;
    std::uint8_t* product;
};

/// Any number of them, by the kernel in force. Thread-safe.
void multiply(std::span<const Multiplication> batch);

/// Whether 32 bytes are all zero, in constant time.
bool is_zero(std::span<const std::uint8_t, 32> bytes);

}  // namespace nightjar::packet
