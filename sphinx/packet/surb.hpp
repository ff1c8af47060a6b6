// Single-use reply blocks, version 260 (docs/packet-format.md section 6). The owner makes one and
// keeps its Recovery; whoever holds the Surb can send one reply without learning the route.
#pragma once

#include <span>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::packet {

/// What the replier gets: header, first hop's address, one payload seed.
using Surb = base::ByteArray<surb_size>;

/// What the owner keeps to read the reply. Destroyed after one use.
struct Recovery {
    base::Identifier identifier;
    std::size_t hops = 0;
    base::Secret<max_hops * key_size> seeds;  // the first `hops` seeds, in route order
};

struct MadeSurb {
    Surb surb{};
    Recovery recovery;
};

/// Errors: bad_route, zero_identifier, low_order, bad_key. draft.hpp makes many at once.
base::Result<MadeSurb, Error> make_surb(std::span<const Hop> route,
                                        const base::Destination& destination,
                                        const base::Identifier& identifier,
                                        const HeaderRandomness& randomness);

struct Reply {
    base::NodeId first_hop;
    base::Bytes packet;
};

/// Seals `message` under the SURB's seed and puts its header in front.
/// Errors: bad_length (SURB not 396 bytes, message over payload_size - 17).
base::Result<Reply, Error> use_surb(base::ByteView surb, base::ByteView message,
                                    std::size_t payload_size);

/// The message of a reply's payload as its last hop handed it on.
/// Errors: bad_length, bad_payload (also what a payload changed on its way reads as).
base::Result<base::Bytes, Error> recover(const Recovery& recovery, base::ByteView payload);

}  // namespace nightjar::packet
