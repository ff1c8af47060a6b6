// Builds a header in three steps (docs/packet-format.md section 3): derives the keys of every hop
// (route_keys.hpp), computes the filler that keeps the header's length constant, and wraps the
// routing blocks from the last hop outwards. Internal to sphinx/packet; packet.hpp and surb.hpp are
// the public interface.
#pragma once

#include "sphinx/crypto/stream_ciphers.hpp"
#include "sphinx/packet/hop.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "sphinx/packet/route_keys.hpp"

namespace nightjar::packet {

/// The bytes that the shifts of hops 0 to n-2 leave at the end of the last hop's beta. The first 60
/// (n-1) bytes are used.
using Filler = base::Secret<beta_size>;
Filler make_filler(crypto::StreamCiphers& ciphers, const RouteKeys& keys);

/// The content of the last hop's block.
struct FinalBlock {
    const base::Destination& destination;
    const base::SurbId& identifier;
    base::ByteView padding;  // final_padding_size_max bytes; a route uses only a part
};

using Header = base::ByteArray<header_size>;
Header wrap(crypto::StreamCiphers& ciphers, Version version, std::span<const Hop> route,
            const RouteKeys& keys, const Filler& filler, const FinalBlock& final_block);

}  // namespace nightjar::packet
