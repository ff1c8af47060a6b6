// Packets without cryptography, for simulations of whole networks. The route and its delays are
// stored in clear in place of the header's layers, and the payload in its usual place; all sizes
// are the real ones. Relays, clients and exits decide the same for both kinds of packets: the same
// seed gives the same events (clear_packet_test.cpp), a hundred times as fast.
//
//   header: hops 1 | next hop's place 1 | unique 8 | 1st leg 40 | 11 | 2nd leg 40 | 24 | 3rd leg 40
//   |
//           24 | 4th leg 40 | 24 | destination 32 | identifier 16 | first address 32 | last delay 8
//   leg:    delay before it 8 | address of the hop that it leads to 32
//   SURB:   that header | first hop's address 32 | zeros 16
//
// A hop reads the beginning and one leg, or the end. No two legs share a cache line.
//
// Pure. Each sealer numbers its packets; `seed` makes the numbers of different senders differ.
#pragma once

#include <memory>
#include <span>

#include "client/core/sealer.hpp"
#include "relay/core/cover.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/core/unwrap_work.hpp"

namespace nightjar::lab::world {

/// The kind of all packets of a World. Real packets give the same events but cost more time.
enum class Packets { real, clear };

/// The fields of a clear packet's header.
struct ClearHeader {
    std::size_t hops = 0;
    std::size_t at = 0;  // index of the hop that reads the packet next
    std::uint64_t unique = 0;
    base::Destination destination;
    base::SurbId identifier;
    std::array<base::NodeId, packet::max_hops> address{};
    std::array<std::uint64_t, packet::max_hops> delay_ns{};
};
/// Precondition: at least packet::header_size bytes, in clear.
ClearHeader read_clear(base::ByteView packet);
/// Overwrites the header of a packet. Precondition: as above.
void write_clear(const ClearHeader& header, base::ByteSpan packet);

std::unique_ptr<client::core::Sealer> client_sealer(Packets packets, std::uint64_t seed);
std::unique_ptr<relay::core::ReplySealer> reply_sealer(Packets packets);
std::unique_ptr<relay::core::LoopSealer> loop_sealer(Packets packets, std::uint64_t seed);

/// Prefetch what unwrap() will read of a clear packet. fetch_first() loads the field that names the
/// next hop; fetch_rest(), called when that has arrived, loads the rest. For real packets they load
/// only some of the lines.
void fetch_first(const cell::Cell& cell);
void fetch_rest(const cell::Cell& cell);

/// Like relay::core::unwrap, for either kind of packets.
void unwrap(Packets packets, std::span<relay::core::Work> batch);

}  // namespace nightjar::lab::world
