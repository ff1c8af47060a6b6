#include "sphinx/packet/scalar_chain.hpp"

#include <sodium.h>

namespace nightjar::packet {

namespace {

base::Secret<32> clamped(const base::Secret<32>& secret) {
    auto k = secret.copy();
    k.data()[0] &= 0xf8;
    k.data()[31] &= 0x7f;
    k.data()[31] |= 0x40;
    return k;
}

base::ByteArray<32> inverse_of_eight() {
    const base::ByteArray<32> eight{8};
    base::ByteArray<32> inverse;
    if (crypto_core_ed25519_scalar_invert(inverse.data(), eight.data()) != 0) inverse = {};
    return inverse;
}

}  // namespace

ScalarChain::ScalarChain(const SecretKey& initial) {
    static const auto eighth = inverse_of_eight();
    crypto_core_ed25519_scalar_mul(eighth_.data(), clamped(initial).data(), eighth.data());
}

void ScalarChain::append(const base::Secret<32>& blinding) {
    base::Secret<32> product;
    crypto_core_ed25519_scalar_mul(product.data(), eighth_.data(), clamped(blinding).data());
    eighth_ = std::move(product);
}

// 8 t and 8 (l - t) are the product and its negative, and multiples of 8 as clamped scalars are, so
// they clear what is of small order just the same. l is 2^252 and a little: one of t and l - t has
// bit 251 set, and eight times that has bit 254 set. (It could reach 2^255 only for a t within
// 2^125 of l, which no one will ever draw.)
base::Secret<32> ScalarChain::scalar() const {
    base::Secret<32> negative;
    crypto_core_ed25519_scalar_negate(negative.data(), eighth_.data());
    const auto keep = static_cast<std::uint8_t>(0 - ((eighth_.data()[31] >> 3) & 1));
    base::Secret<32> k;
    std::uint8_t from_below = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        const auto byte =
            static_cast<std::uint8_t>((eighth_.data()[i] & keep) | (negative.data()[i] & ~keep));
        k.data()[i] = static_cast<std::uint8_t>(byte << 3 | from_below);
        from_below = byte >> 5;
    }
    return k;
}

}  // namespace nightjar::packet
