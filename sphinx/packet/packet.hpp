// Packets of the format of docs/packet-format.md: build one, unwrap one hop of one.
// Pure: randomness is an argument, nothing is kept. Any thread, as long as no two share a Random.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/geometry.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

/// The two versions on the wire; a forward packet differs in nothing but these bytes.
enum class Version : std::uint16_t { v259 = 259, v260 = 260 };

/// One relay of a route, as its sender sees it.
struct Hop {
    base::NodeId address;
    PublicKey key;               // of the epoch that the packet is made for
    std::uint64_t delay_ns = 0;  // how long this relay holds it; the last hop's is not written
};

/// Joins the three lists of a route. bad_route if they differ in length, are empty or over five.
base::Result<std::vector<Hop>, Error> make_route(std::span<const base::NodeId> addresses,
                                                 std::span<const PublicKey> keys,
                                                 std::span<const std::uint64_t> delays_ns);

/// What a sender draws at random for one header; injectable so that vectors can be built.
struct HeaderRandomness {
    SecretKey initial_secret;                                 // x
    base::ByteArray<final_padding_size_max> final_padding{};  // as many of it as the route needs

    static HeaderRandomness draw(base::Random& random);
};

/// A packet of header_size + payload_size bytes whose last hop reads destination, identifier and
/// message. The first hop's address is not in it: the caller sends it there.
/// Errors: bad_route, bad_length (message over payload_size - 17, payload_size under 33),
/// low_order, bad_key. draft.hpp makes many at once.
base::Result<base::Bytes, Error> build(Version version, std::span<const Hop> route,
                                       const base::Destination& destination,
                                       const base::Identifier& identifier, base::ByteView message,
                                       std::size_t payload_size,
                                       const HeaderRandomness& randomness);

/// The hop passes the packet on: after unwrap() the buffer holds what the next relay gets.
struct Forward {
    base::NodeId next;
    std::uint64_t delay_ns = 0;  // any u64: the caller caps it
};
/// The packet ends here: after unwrap() the buffer holds the payload behind a zeroed header.
struct Final {
    base::Destination destination;
    base::Identifier identifier;
};
struct Opened {
    ReplayTag replay_tag;
    std::variant<Forward, Final> what;
};

/// One packet that waits for unwrap_batch. The referenced buffer and key outlive the call; no two
/// jobs share a buffer.
struct UnwrapJob {
    base::ByteSpan packet;           // header and payload, changed in place
    const SecretKey* key = nullptr;  // the mix key of the packet's epoch
    base::Result<Opened, Error> outcome{base::Fail{Error::bad_length}};
};

/// Unwraps one hop of each job in place and sets its outcome. A packet that fails has its buffer
/// zeroed: nothing half-processed is left. packet_size is the network's: any other length is
/// bad_length. Replays are the caller's to refuse, by Opened::replay_tag, before acting on the
/// rest.
void unwrap_batch(std::span<UnwrapJob> jobs, std::size_t packet_size);

/// unwrap_batch of one.
base::Result<Opened, Error> unwrap(base::ByteSpan packet, const SecretKey& key,
                                   std::size_t packet_size);

/// The message inside a payload whose layers are all off: a view into `payload`.
/// Errors: bad_payload, bad_length.
base::Result<base::ByteView, Error> read_message(base::ByteView payload);

}  // namespace nightjar::packet
