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

/// The same in place: writes the packet, header_size and a payload, and gives its first hop.
/// Precondition: neither input lies in `packet`. Errors: as above, with which nothing is written.
base::Result<base::NodeId, Error> use_surb(base::ByteView surb, base::ByteView message,
                                           base::ByteSpan packet);

/// A SURB in the hands of a replier: it can be used once, because a second packet with its header
/// would be refused as a replay by the first hop and would tell it that the two belong together.
/// Move-only; its use wipes it.
class HeldSurb {
 public:
    /// Errors: bad_length.
    static base::Result<HeldSurb, Error> from(base::ByteView surb);

    HeldSurb(HeldSurb&& other) noexcept;
    HeldSurb& operator=(HeldSurb&& other) noexcept;

    /// As use_surb(). Errors: bad_length, with which it stays unused; surb_spent.
    base::Result<Reply, Error> use(base::ByteView message, std::size_t payload_size);

 private:
    HeldSurb() = default;

    base::Secret<surb_size> bytes_;
    bool spent_ = false;  // also what was moved from
};

/// The message of a reply's payload as its last hop handed it on.
/// Errors: bad_length, bad_payload (also what a payload changed on its way reads as).
base::Result<base::Bytes, Error> recover(const Recovery& recovery, base::ByteView payload);

}  // namespace nightjar::packet
