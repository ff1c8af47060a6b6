#include "sphinx/crypto/scalar_chain.hpp"

#include <sodium.h>

namespace nightjar::crypto {

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

/// t where `mask` is all ones, l - t where it is zero.
base::Secret<32> choose(const base::Secret<32>& t, std::uint8_t mask) {
    base::Secret<32> chosen;
    crypto_core_ed25519_scalar_negate(chosen.data(), t.data());
    for (std::size_t i = 0; i < 32; ++i)
        chosen.data()[i] =
            static_cast<std::uint8_t>((t.data()[i] & mask) | (chosen.data()[i] & ~mask));
    return chosen;
}

}  // namespace

ScalarChain::ScalarChain(const base::Secret<32>& initial) {
    static const auto eighth = inverse_of_eight();
    crypto_core_ed25519_scalar_mul(eighth_.data(), clamped(initial).data(), eighth.data());
}

void ScalarChain::append(const base::Secret<32>& blinding) {
    base::Secret<32> product;
    crypto_core_ed25519_scalar_mul(product.data(), eighth_.data(), clamped(blinding).data());
    eighth_ = std::move(product);
}

// 8 t and 8 (l - t) are the product and its negative. Both are multiples of 8, as clamped scalars
// are, so they also remove components of small order. l is slightly above 2^252, so t or its
// negative has bit 251 set, and eight times that has bit 254 set. (It reaches 2^255 only for a t
// within 2^125 of l, which never happens by chance.)
base::Secret<32> ScalarChain::scalar() const {
    auto k = choose(eighth_, static_cast<std::uint8_t>(0 - ((eighth_.data()[31] >> 3) & 1)));
    std::uint8_t from_below = 0;
    for (auto& byte : k.span()) {
        const std::uint8_t whole = byte;
        byte = static_cast<std::uint8_t>(whole << 3 | from_below);
        from_below = whole >> 5;
    }
    return k;
}

// l is odd, so exactly one of t and l - t is odd.
base::Secret<32> ScalarChain::odd_eighth() const {
    return choose(eighth_, static_cast<std::uint8_t>(0 - (eighth_.data()[0] & 1)));
}

}  // namespace nightjar::crypto
