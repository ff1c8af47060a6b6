// Making many packets and SURBs in one call. A Draft is a header whose payload is still to come:
// a client drafts a packet and the SURBs that travel in it together, their multiplications in
// vector lanes, then turns the SURBs' drafts into SURBs, writes the message, and seals it.
// Pure, like packet.hpp; build() and make_surb() are a draft of one.
#pragma once

#include "sphinx/packet/header.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::packet {

struct Draft {
    Header header;
    base::NodeId first_hop;  // where the packet goes first; not part of it
    RouteKeys keys;
};

/// What the route and the randomness refer to outlives the call.
struct DraftJob {
    Version version = Version::v260;
    std::span<const Hop> route{};
    base::Destination destination{};
    base::Identifier identifier{};
    const HeaderRandomness* randomness = nullptr;
    base::Result<Draft, Error> outcome{base::Fail{Error::bad_route}};
};

/// Errors: bad_route, low_order, bad_key; one job's fault is no other's.
void draft_batch(std::span<DraftJob> jobs);

/// The drafted packet with `message` under the layers of all hops. bad_length as build() has it.
base::Result<base::Bytes, Error> seal(const Draft& draft, base::ByteView message,
                                      std::size_t payload_size);

/// seal() of several, layer by layer in vector lanes.
struct SealJob {
    const Draft* draft = nullptr;
    base::ByteView message{};
    base::Result<base::Bytes, Error> outcome{base::Fail{Error::bad_length}};
};
void seal_batch(std::span<SealJob> jobs, std::size_t payload_size);

/// The drafted header as a SURB. zero_identifier if that is the identifier, which must be the
/// drafted one. Precondition: drafted with version 260.
base::Result<MadeSurb, Error> to_surb(const Draft& draft, const base::Identifier& identifier);

}  // namespace nightjar::packet
