// How packets are sealed and opened: the packet library in the product. A long simulation of the
// law puts routes in clear in their place, since what the law decides does not depend on them.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::client {

class Sealer {
 public:
    virtual ~Sealer() = default;

    /// Writes a packet (packet_size bytes) along `route`. False: a key on the route is no key.
    virtual bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                         base::ByteView message, base::Random& random, base::ByteSpan packet) = 0;
    /// Precondition: the identifier is not zero.
    virtual std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                                 const base::Destination& destination,
                                                 const base::Identifier& identifier,
                                                 base::Random& random) = 0;
    /// Writes the packet that a SURB of ours becomes: a loop.
    virtual bool reply(const packet::Surb& surb, base::ByteView message, base::ByteSpan packet) = 0;
    /// The message of a payload that came back. Nothing if it was changed on its way.
    virtual std::optional<base::Bytes> recover(const packet::Recovery& recovery,
                                               base::ByteView payload) = 0;
};

/// Real packets.
std::unique_ptr<Sealer> packet_sealer();

}  // namespace nightjar::client
