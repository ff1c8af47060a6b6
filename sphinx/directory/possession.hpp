// Proofs that the maker of a text holds the keys that the text names. Without them a relay could
// put another relay's key into its own descriptor.
//
// A link key is an Ed25519 key: its proof is a signature. A mix key is an X25519 key, which cannot
// sign as it is. Its proof is the Edwards point A of the same scalar and an Ed25519 signature (RFC
// 8032, section 5.1) by that scalar. The verifier maps A to the Montgomery curve (RFC 7748, section
// 4.1) and compares the result with the mix key. This is XEdDSA (Perrin, "The XEdDSA and VXEdDSA
// Signature Schemes", revision 1, 2016) with two changes. The proof carries A with its sign, so the
// signer need not force the sign, and the verifier need not compute A. The nonce is a hash of the
// secret and the text, as in RFC 8032, so one text has one proof.
//
// Each signature covers a first line that no other text has, so it is never valid elsewhere. Pure.
#pragma once

#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::directory {

using LinkProof = base::ByteArray<64>;  // R, s
using MixProof = base::ByteArray<96>;   // A, R, s

LinkProof prove_link_key(std::string_view text, const base::Secret<32>& seed);
bool proves_link_key(std::string_view text, const base::LinkKey& key, const LinkProof& proof);

/// `secret`: the X25519 scalar as drawn; it is clamped here.
MixProof prove_mix_key(std::string_view text, const base::Secret<32>& secret);
bool proves_mix_key(std::string_view text, const base::MixKey& key, const MixProof& proof);

}  // namespace nightjar::directory
