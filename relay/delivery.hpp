// Where a packet ends (docs/traffic-law.md section 4). The gateway sees an identifier and a sealed
// payload, whatever they are: a reply, a client's loop, a message. It never looks for zeros or
// markers inside. Pure functions, any thread.
#pragma once

#include <variant>

#include "relay/drop_reason.hpp"
#include "relay/mix_queue.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay {

/// A loop of this relay's own, if `cover` knows its identifier.
struct OwnLoop {
    base::Identifier identifier;
};
using FinalAction = std::variant<OwnLoop, ToExit, ToMailbox, DropReason>;

/// What a final packet is to the relay `self`, by the words of its last routing block alone:
///
///   from a client                           misrouted: a client's packet never ends at its gateway
///   own identity, zero identifier           exit payload; misrouted where there is no exit
///   own identity, another identifier        own loop
///   other destination, zero identifier      misrouted
///   other destination, another identifier   that mailbox, if this is a gateway; else misrouted
FinalAction final_action(const packet::Final& final, const base::NodeId& self, bool from_client,
                         bool is_exit, bool is_gateway);

inline constexpr std::size_t delivery_zeros = 332;

/// Turns the cell of an unwrapped final packet (payload behind a zeroed header) into a delivery:
/// identifier 16, payload 2065, zeros 332; epoch 0.
void make_delivery(cell::Cell& cell, const base::Identifier& identifier);

/// The payload of an unwrapped final packet that is not a delivery.
base::ByteView final_payload(const cell::Cell& cell);

}  // namespace nightjar::relay
