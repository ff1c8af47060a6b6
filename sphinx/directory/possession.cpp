#include "sphinx/directory/possession.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <string>

#include "sphinx/directory/signature.hpp"

namespace nightjar::directory {

namespace {

constexpr std::string_view link_line = "nightjar-link-key-proof 1\n";
constexpr std::string_view mix_line = "nightjar-mix-key-proof 1\n";
constexpr std::string_view nonce_line = "nightjar-mix-key-nonce 1\n";

std::string with_line(std::string_view line, std::string_view text) {
    return std::string{line}.append(text);
}

using Scalar = base::Secret<crypto_core_ed25519_SCALARBYTES>;

/// SHA-512 of the parts, modulo the order of the curve's main subgroup.
Scalar scalar_of(std::initializer_list<base::ByteView> parts) {
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    for (const auto part : parts)
        crypto_hash_sha512_update(&state, part.data(), part.size());
    base::Secret<crypto_hash_sha512_BYTES> hash;
    crypto_hash_sha512_final(&state, hash.data());
    sodium_memzero(&state, sizeof state);
    Scalar scalar;
    crypto_core_ed25519_scalar_reduce(scalar.data(), hash.data());
    return scalar;
}

/// The scalar that X25519 uses, modulo the order.
Scalar clamped(const base::Secret<32>& secret) {
    base::Secret<crypto_core_ed25519_NONREDUCEDSCALARBYTES> wide;
    std::copy(secret.view().begin(), secret.view().end(), wide.data());
    wide.data()[0] &= 248;
    wide.data()[31] &= 127;
    wide.data()[31] |= 64;
    Scalar scalar;
    crypto_core_ed25519_scalar_reduce(scalar.data(), wide.data());
    return scalar;
}

}  // namespace

LinkProof prove_link_key(std::string_view text, const base::Secret<32>& seed) {
    return sign_text(with_line(link_line, text), seed).signature;
}

bool proves_link_key(std::string_view text, const base::LinkKey& key, const LinkProof& proof) {
    return verifies(with_line(link_line, text), {base::NodeId{key.bytes}, proof});
}

MixProof prove_mix_key(std::string_view text, const base::Secret<32>& secret) {
    const auto message = with_line(mix_line, text);
    const auto scalar = clamped(secret);
    MixProof proof{};
    const std::span point{proof.data(), 32}, nonce_point{proof.data() + 32, 32};
    [[maybe_unused]] int failed =
        crypto_scalarmult_ed25519_base_noclamp(point.data(), scalar.data());
    const auto nonce =
        scalar_of({base::as_bytes(nonce_line), scalar.view(), point, base::as_bytes(message)});
    failed |= crypto_scalarmult_ed25519_base_noclamp(nonce_point.data(), nonce.data());
    assert(failed == 0);  // it fails for the scalar 0 only
    const auto challenge = scalar_of({nonce_point, point, base::as_bytes(message)});
    Scalar product;
    crypto_core_ed25519_scalar_mul(product.data(), challenge.data(), scalar.data());
    crypto_core_ed25519_scalar_add(proof.data() + 64, nonce.data(), product.data());
    return proof;
}

bool proves_mix_key(std::string_view text, const base::MixKey& key, const MixProof& proof) {
    base::NodeId point;
    std::copy_n(proof.begin(), 32, point.bytes.begin());
    base::ByteArray<64> signature{};
    std::copy(proof.begin() + 32, proof.end(), signature.begin());
    base::MixKey mapped;
    // Refuses points outside the main subgroup: their keys have no proof.
    if (crypto_sign_ed25519_pk_to_curve25519(mapped.bytes.data(), point.bytes.data()) != 0)
        return false;
    return mapped == key && verifies(with_line(mix_line, text), {point, signature});
}

}  // namespace nightjar::directory
