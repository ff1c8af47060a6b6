// Single-use reply blocks (SURBs), version 260 (docs/packet-format.md section 6). The owner makes
// one and keeps its Recovery. The holder of the Surb can send one reply without learning the route.
#pragma once

#include <span>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/hop.hpp"

namespace nightjar::packet {

/// The part for the replier: header, first hop's address, one payload seed.
using Surb = base::ByteArray<surb_size>;

/// The part that the owner keeps to read the reply. Destroy it after one use.
struct SurbKeys {
    base::SurbId identifier;
    std::size_t hops = 0;
    base::Secret<max_hops * key_size> seeds;  // the first `hops` seeds, in route order
};

struct MadeSurb {
    Surb surb{};
    SurbKeys recovery;
};

/// Makes a SURB. Errors: bad_route, zero_identifier, low_order, bad_key. draft.hpp makes many at
/// once.
base::Result<MadeSurb, Error> make_surb(std::span<const Hop> route,
                                        const base::Destination& destination,
                                        const base::SurbId& identifier,
                                        const HeaderRandomness& randomness);

struct Reply {
    base::NodeId first_hop;
    base::Bytes packet;
};

/// Encrypts `message` with the SURB's seed and puts the SURB's header in front. Errors: bad_length
/// (SURB not 396 bytes, message over payload_size - 17, payload_size out of its bounds).
base::Result<Reply, Error> use_surb(base::ByteView surb, base::ByteView message,
                                    std::size_t payload_size);

/// The same in place: writes the packet (header_size bytes, then the payload) and returns its first
/// hop. Precondition: the inputs do not overlap `packet`. Errors: as above; nothing is written
/// then.
base::Result<base::NodeId, Error> use_surb(base::ByteView surb, base::ByteView message,
                                           base::ByteSpan packet);

/// A SURB held by a replier. It can be used only once: the first hop would refuse a second packet
/// with the same header as a replay, and would learn that the two belong together. Move-only; wiped
/// by its use.
class HeldSurb {
 public:
    /// Errors: bad_length.
    static base::Result<HeldSurb, Error> from(base::ByteView surb);

    HeldSurb(HeldSurb&& other) noexcept;
    HeldSurb& operator=(HeldSurb&& other) noexcept;

    /// As use_surb(). Errors: bad_length (the SURB then stays unused), surb_spent.
    base::Result<Reply, Error> use(base::ByteView message, std::size_t payload_size);

 private:
    HeldSurb() = default;

    base::Secret<surb_size> bytes_;
    bool spent_ = false;  // also true after a move
};

/// Returns the message from a reply's payload as the last hop delivered it. Errors: bad_length,
/// bad_payload (also if the payload was modified on its way).
base::Result<base::Bytes, Error> recover(const SurbKeys& recovery, base::ByteView payload);

}  // namespace nightjar::packet
