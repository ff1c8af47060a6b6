// The words of a route: what a sender says to each hop, and what a hop reads of its packet.
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

/// The two versions on the wire; forward packets of both differ only in these bytes.
enum class Version : std::uint16_t { v259 = 259, v260 = 260 };

/// One relay of a route, as the sender needs it.
struct Hop {
    base::NodeId address;
    PublicKey key;               // for the epoch that the packet is built for
    std::uint64_t delay_ns = 0;  // how long this relay holds the packet; unused for the last hop
};

/// Joins the three lists of a route. Errors: bad_route if they differ in length, are empty or have
/// over five entries.
base::Result<std::vector<Hop>, Error> make_route(std::span<const base::NodeId> addresses,
                                                 std::span<const PublicKey> keys,
                                                 std::span<const std::uint64_t> delays_ns);

/// The random values of one header. An argument, so that check vectors can be built.
struct HeaderRandomness {
    SecretKey initial_secret;                                 // x
    base::ByteArray<final_padding_size_max> final_padding{};  // a route uses only a part

    static HeaderRandomness draw(base::Random& random);
};

/// The packet continues: after unwrap() the buffer holds the packet for the next relay.
struct Forward {
    base::NodeId next;
    std::uint64_t delay_ns = 0;  // any 64-bit value: the caller must check the cap
};
/// The packet ends here: after unwrap() the buffer holds a zeroed header, then the payload.
struct Final {
    base::Destination destination;
    base::SurbId identifier;
};
struct Opened {
    ReplayTag replay_tag;
    std::variant<Forward, Final> what;
};

}  // namespace nightjar::packet
