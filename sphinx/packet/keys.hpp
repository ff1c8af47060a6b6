// Keys of a hop, in the order in which a hop derives them (docs/packet-format.md section 2).
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/geometry.hpp"

namespace nightjar::packet {

/// An X25519 public key: a relay's mix key of one epoch, or alpha.
using PublicKey = base::MixKey;
/// An X25519 secret as drawn; clamped only inside the multiplication.
using SecretKey = base::Secret<32>;
/// What a relay remembers to refuse a packet that it has seen: 32 bytes of the key expansion.
using ReplayTag = base::Id<struct ReplayTagTag, 32>;
using SharedSecret = base::Secret<32>;
using PayloadSeed = base::Secret<key_size>;
using PayloadKey = base::Secret<payload_key_size>;

struct KeyPair {
    SecretKey secret;
    PublicKey public_key;
};
KeyPair generate_key_pair(base::Random& random);
PublicKey public_key_of(const SecretKey& secret);

/// X25519(secret, point). low_order if the result is all zeros.
base::Result<SharedSecret, Error> agree(const SecretKey& secret, const PublicKey& point);

/// The expansion of one hop's shared secret.
struct HopKeys {
    base::Secret<key_size> cipher_key;  // AES-128-CTR for beta
    base::Secret<key_size> mac_key;     // HMAC-SHA256 over beta
    PayloadSeed payload_seed;
    base::Secret<32> blinding;  // b: alpha' = X25519(b, alpha)
    base::Secret<32> tag;       // wiped like the rest: it says which packets belong together

    ReplayTag replay_tag() const { return *ReplayTag::from(tag.view()); }
};
HopKeys expand(const SharedSecret& shared);

/// The LIONESS key of a seed.
PayloadKey payload_key(const PayloadSeed& seed);

}  // namespace nightjar::packet
