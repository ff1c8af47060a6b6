// The two key derivations and the header's MAC, for one packet or two in parallel (keys.hpp has the
// derivations for one). Internal to sphinx/packet.
#pragma once

#include "sphinx/crypto/hmac.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

/// expand() in every lane.
template <std::size_t Lanes>
void expand_each(const crypto::Each<const SharedSecret*, Lanes>& shared,
                 const crypto::Each<HopKeys*, Lanes>& keys);

/// payload_key() in every lane.
template <std::size_t Lanes>
void payload_key_each(const crypto::Each<const PayloadSeed*, Lanes>& seeds,
                      const crypto::Each<PayloadKey*, Lanes>& keys);

/// gamma: the first 16 bytes of HMAC-SHA256 over beta, in every lane.
using Gamma = base::ByteArray<key_size>;
template <std::size_t Lanes>
crypto::Each<Gamma, Lanes> header_mac_each(const crypto::Each<const HopKeys*, Lanes>& keys,
                                           const crypto::Each<base::ByteView, Lanes>& beta);

}  // namespace nightjar::packet
