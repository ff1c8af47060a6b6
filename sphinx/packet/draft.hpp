// Builds many packets and SURBs in one call. A Draft is a header whose payload does not exist yet.
// A client drafts a packet together with the SURBs that the packet will carry, so that all their
// multiplications run in vector lanes. Then it turns the SURBs' drafts into SURBs, writes the
// message, and seals the packet. Pure, like packet.hpp; build() and make_surb() are a draft of one.
#pragma once

#include "sphinx/packet/header.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::packet {

struct Draft {
    Header header;
    base::NodeId first_hop;  // where to send the packet; not part of it
    RouteKeys keys;
};

/// The objects that the route and the randomness refer to must outlive the call.
struct DraftJob {
    Version version = Version::v260;
    std::span<const Hop> route{};
    base::Destination destination{};
    base::SurbId identifier{};
    const HeaderRandomness* randomness = nullptr;
    base::Result<Draft, Error> outcome{base::Fail{Error::bad_route}};
};

/// Errors: bad_route, low_order, bad_key. An error of one job does not affect the others.
void draft_batch(std::span<DraftJob> jobs);

/// Returns the drafted packet with `message` encrypted for all hops. Errors: bad_length, as in
/// build().
base::Result<base::Bytes, Error> seal(const Draft& draft, base::ByteView message,
                                      std::size_t payload_size);

/// seal() for several drafts, layer by layer in vector lanes.
struct SealJob {
    const Draft* draft = nullptr;
    base::ByteView message{};
    base::Result<base::Bytes, Error> outcome{base::Fail{Error::bad_length}};
};
void seal_batch(std::span<SealJob> jobs, std::size_t payload_size);

/// Turns the drafted header into a SURB. Errors: zero_identifier. Preconditions: drafted with
/// version 260, and `identifier` is the drafted one.
base::Result<MadeSurb, Error> to_surb(const Draft& draft, const base::SurbId& identifier);

}  // namespace nightjar::packet
