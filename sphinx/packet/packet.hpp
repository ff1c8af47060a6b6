// Packets in the format of docs/packet-format.md: builds a packet, and unwraps one hop of a packet.
// Pure: randomness is an argument, and there is no state. Any thread, as long as threads do not
// share a Random.
#pragma once

#include <span>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/packet/hop.hpp"

namespace nightjar::packet {

/// Builds a packet of header_size + payload_size bytes whose last hop reads destination, identifier
/// and message. The packet does not contain the address of the first hop: the caller sends it
/// there. Errors: bad_route, bad_length (message over payload_size - 17, payload_size under 33 or
/// over 1 MiB), low_order, bad_key. draft.hpp builds many at once.
base::Result<base::Bytes, Error> build(Version version, std::span<const Hop> route,
                                       const base::Destination& destination,
                                       const base::SurbId& identifier, base::ByteView message,
                                       std::size_t payload_size,
                                       const HeaderRandomness& randomness);

/// One packet for unwrap_batch. The buffer and the key must outlive the call, and no two jobs may
/// share a buffer.
struct UnwrapJob {
    base::ByteSpan packet;           // header and payload, changed in place
    const SecretKey* key = nullptr;  // the mix key of the packet's epoch
    base::Result<Opened, Error> outcome{base::Fail{Error::bad_length}};
};

/// Unwraps one hop of each job in place and sets its outcome. If a packet fails, its buffer is
/// zeroed, so that nothing half-processed remains. packet_size is the network's packet size: any
/// other length is bad_length. The caller must reject replays, by Opened::replay_tag, before it
/// acts on any other field.
void unwrap_batch(std::span<UnwrapJob> jobs, std::size_t packet_size);

/// unwrap_batch for one packet.
base::Result<Opened, Error> unwrap(base::ByteSpan packet, const SecretKey& key,
                                   std::size_t packet_size);

/// Returns the message in a payload without encryption layers, as a view into `payload`. Errors:
/// bad_payload, bad_length.
base::Result<base::ByteView, Error> read_message(base::ByteView payload);

}  // namespace nightjar::packet
