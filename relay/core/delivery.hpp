// What a relay does with a packet that ends at it (docs/traffic-law.md section 4). A gateway sees
// only an identifier and a sealed payload, whether it is a reply, a client's loop or a message. It
// never inspects the payload for zeros or markers. Pure functions; any thread.
#pragma once

#include <variant>

#include "relay/core/counters.hpp"
#include "relay/core/mix_laws.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay::core {

/// One of this relay's own loops, if `cover` knows the identifier.
struct OwnLoop {
    base::SurbId identifier;
};
/// Drop cover of some relay: its way ends here.
struct Nowhere {};
/// Not a HeldTarget: three of the outcomes never enter the mix, and a held packet must not be able
/// to be one of them.
using FinalAction = std::variant<OwnLoop, ToExit, ToMailbox, Nowhere, DropReason>;

/// Decides what the relay `self` does with a final packet, from the last routing block alone:
///
///   from a client                           misrouted: a client's packet never ends at its gateway
///   own identity, zero identifier           exit payload; misrouted if this relay is no exit
///   own identity, another identifier        own loop
///   zero destination and identifier         drop cover, if this is a gateway; else misrouted
///   other destination, zero identifier      misrouted
///   other destination, another identifier   that mailbox, if this is a gateway; else misrouted
FinalAction final_action(const packet::Final& final, const base::NodeId& self, bool from_client,
                         bool is_exit, bool is_gateway);

inline constexpr std::size_t delivery_zeros = 332;

/// Turns the cell of an unwrapped final packet (a zeroed header, then the payload) into a delivery:
/// identifier (16 bytes), payload (2065 bytes), zeros (332 bytes); epoch 0.
void make_delivery(cell::Cell& cell, const base::SurbId& identifier);

/// The payload of an unwrapped final packet that is not a delivery.
base::ByteView final_payload(const cell::Cell& cell);

}  // namespace nightjar::relay::core
