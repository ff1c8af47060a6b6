// The interface for building and opening packets. The product uses the packet library. Long
// simulations of the traffic law use packets in clear instead, because the traffic law does not
// depend on their content.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::client::core {

class Sealer {
 public:
    virtual ~Sealer() = default;

    /// Writes a packet (packet_size bytes) for `route`. False if a key on the route is invalid.
    virtual bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                         base::ByteView message, base::Random& random, base::ByteSpan packet) = 0;
    /// Precondition: the identifier is not zero.
    virtual std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                                 const base::Destination& destination,
                                                 const base::SurbId& identifier,
                                                 base::Random& random) = 0;
    /// Writes the packet that spends one of our own SURBs: a loop.
    virtual bool reply(const packet::Surb& surb, base::ByteView message, base::ByteSpan packet) = 0;
    /// Decrypts a payload that came back. Empty if it was modified on its way.
    virtual std::optional<base::Bytes> recover(const packet::SurbKeys& recovery,
                                               base::ByteView payload) = 0;
};

/// Real packets.
std::unique_ptr<Sealer> packet_sealer();

}  // namespace nightjar::client::core
