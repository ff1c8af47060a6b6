// Many X25519 multiplications in one call: a relay always has several packets waiting, and their
// multiplications are independent. Constant time: no branch and no address depends on a scalar.
#pragma once

#include <cstdint>
#include <span>

namespace nightjar::crypto {

/// One multiplication of 32-byte strings, which must outlive the call. `product` becomes
/// X25519(scalar, point); as in RFC 7748 the scalar is clamped and the point's top bit ignored.
/// `product` is 32 zeros if the point is of low order; the caller must refuse that. `product` may
/// alias `scalar` or `point` of the same multiplication, but of no other.
struct Multiplication {
    const std::uint8_t* scalar;
    const std::uint8_t* point;
    std::uint8_t* product;
};

/// Runs any number of multiplications with the kernel in force. Thread-safe.
void multiply(std::span<const Multiplication> batch);

/// True if all 32 bytes are zero; constant time.
bool is_zero(std::span<const std::uint8_t, 32> bytes);

}  // namespace nightjar::crypto
