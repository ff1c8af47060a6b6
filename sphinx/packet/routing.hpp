// The decrypted routing block of one hop (docs/packet-format.md sections 3 and 4). Writing and
// reading are side by side, so that each offset exists only once. Internal to sphinx/packet.
#pragma once

#include <variant>

#include "sphinx/packet/hop.hpp"

namespace nightjar::packet {

/// Flag 1: the next hop, the delay, and the next hop's MAC.
void write_forward_block(std::span<std::uint8_t, routing_slot_size> out, Version version,
                         const base::NodeId& next, std::uint64_t delay_ns,
                         base::ByteView next_gamma);

/// Flag 2: the packet ends here. Fills the rest of `out` from `padding`, because zeros would reveal
/// the length of the route to the last hop.
void write_final_block(base::ByteSpan out, Version version, const base::Destination& destination,
                       const base::SurbId& identifier, base::ByteView padding);

/// A forward block; the bytes after its slot are the next beta.
inline constexpr std::size_t next_gamma_offset = forward_meta_size;
inline constexpr std::size_t next_beta_offset = routing_slot_size;

/// Reads a block whose MAC matched. Errors: bad_flag, bad_version.
base::Result<std::variant<Forward, Final>, Error> read_block(
    std::span<const std::uint8_t, beta_size> block);

}  // namespace nightjar::packet
