// Packets that are built before a run, so that building them costs nothing while the relay works.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/packet/hop.hpp"

namespace nightjar::bench {

/// How the relay's output shows which packet it was: the first bytes of a cell that it passes on
/// (the blinded group element), or the identifier of a delivery.
using Mark = base::ByteArray<16>;

/// A packet in its cell, and what must become of it.
struct Prepared {
    cell::CellBox cell;
    Mark mark;
    bool from_client = false;
    std::size_t link = 0;                    // of the clients, or of the previous relays
    std::optional<base::Nanoseconds> delay;  // that it asks; nullopt: the relay draws one
};

/// Where a packet goes from the relay.
struct Target {
    base::NodeId next;            // the next relay of a forward packet
    base::Destination mailbox{};  // of a delivery
};

struct PacketPlan {
    packet::Hop relay;         // the relay under test; its delay is drawn for each packet
    packet::PublicKey behind;  // the mix key of every next relay
    base::Epoch epoch;
    base::Nanoseconds mean_delay{};
    base::Nanoseconds delay_cap{};
};

/// Builds one packet for each target. Throws std::runtime_error if one cannot be built.
std::vector<Prepared> forward_packets(const PacketPlan& plan, const std::vector<Target>& targets,
                                      base::Random& random);
/// Packets that end in a client's mailbox at the relay.
std::vector<Prepared> deliveries(const PacketPlan& plan, const std::vector<Target>& targets,
                                 base::Random& random);

/// Packets of a new session at the relay under test, an exit. Each brings stream::surbs_max SURBs,
/// one for each of `first_hops`, and asks for the pace. Appends the marks of the replies to
/// `replies`.
std::vector<Prepared> packets_of_session(const PacketPlan& plan,
                                         const std::vector<base::NodeId>& first_hops,
                                         std::uint32_t pace_milli, base::Random& random,
                                         std::vector<Mark>& replies);

/// The mark of a cell that left the relay.
Mark mark_of(const cell::Cell& cell);

}  // namespace nightjar::bench
