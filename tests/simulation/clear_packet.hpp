// Packets without cryptography, for simulations of whole networks: a route and its delays in clear
// stand where a header's layers would be, the payload where it would lie, each of the real size.
// What a relay, a client and an exit decide does not depend on which of the two they handle: the
// same seed gives the same events (world_test.cpp), a hundred times as fast.
//
//   header: hops 1 | next hop's place 1 | unique 8 | 1st leg 40 | 11 | 2nd leg 40 | 24 | 3rd leg 40
//   |
//           24 | 4th leg 40 | 24 | destination 32 | identifier 16 | first address 32 | last delay 8
//   leg:    delay before it 8 | address of the hop that it leads to 32
//   SURB:   that header | first hop's address 32 | zeros 16
//
// A hop reads where it begins and one leg, or the end: no leg shares its line of the cache with
// another.
//
// Pure. Each sealer numbers its packets; `seed` keeps those of different senders apart.
#pragma once

#include <memory>
#include <span>

#include "client/sealer.hpp"
#include "relay/cover.hpp"
#include "relay/exit_sessions.hpp"
#include "relay/pipeline.hpp"

namespace nightjar::simulation {

/// Real packets cost time and change nothing; a World makes all of one kind.
enum class Packets { real, clear };

/// What a packet in clear says.
struct ClearHeader {
    std::size_t hops = 0;
    std::size_t at = 0;  // whose turn it is: hop `at` reads it next
    std::uint64_t unique = 0;
    base::Destination destination;
    base::Identifier identifier;
    std::array<base::NodeId, packet::max_hops> address{};
    std::array<std::uint64_t, packet::max_hops> delay_ns{};
};
/// Precondition: at least packet::header_size bytes, in clear.
ClearHeader read_clear(base::ByteView packet);

std::unique_ptr<client::Sealer> client_sealer(Packets packets, std::uint64_t seed);
std::unique_ptr<relay::ReplySealer> reply_sealer(Packets packets);
std::unique_ptr<relay::LoopSealer> loop_sealer(Packets packets, std::uint64_t seed);

/// Asks for what unwrap() will read of a clear packet, of which nothing lies in the cache: first
/// for what says whose turn it is, and when that has come for the rest. Of other packets for some
/// of it.
void fetch_first(const cell::Cell& cell);
void fetch_rest(const cell::Cell& cell);

/// As Pipeline::unwrap, of either kind.
void unwrap(Packets packets, std::span<relay::Work> batch);

}  // namespace nightjar::simulation
