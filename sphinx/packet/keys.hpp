// The keys of a hop, in the order of their derivation (docs/packet-format.md section 2).
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/geometry.hpp"

namespace nightjar::packet {

/// An X25519 public key: a relay's mix key for one epoch, or alpha.
using PublicKey = base::MixKey;
/// An X25519 secret as drawn; clamped only in the multiplication.
using SecretKey = base::Secret<32>;
/// A relay stores this tag to recognise a packet that it has already seen: 32 bytes of the key
/// expansion.
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

/// The keys expanded from the shared secret of one hop.
struct HopKeys {
    base::Secret<key_size> cipher_key;  // AES-128-CTR for beta
    base::Secret<key_size> mac_key;     // HMAC-SHA256 over beta
    PayloadSeed payload_seed;
    base::Secret<32> blinding;  // b: alpha' = X25519(b, alpha)
    base::Secret<32> tag;       // wiped like the rest: it links packets to each other

    ReplayTag replay_tag() const { return *ReplayTag::from(tag.view()); }
};
HopKeys expand(const SharedSecret& shared);

/// Derives the LIONESS key from a seed.
PayloadKey payload_key(const PayloadSeed& seed);

}  // namespace nightjar::packet
