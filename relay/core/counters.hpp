// The counters of a relay: plain integers, used on the I/O thread only. `metrics` decides which of
// them are shown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "relay/core/drop_reason.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

struct Counters {
    std::uint64_t packets_in = 0;         // cells of kind packet that arrived
    std::uint64_t packets_in_client = 0;  // those of packets_in that came from clients
    std::uint64_t packets_in_relay = 0;   // those of packets_in that came from relays
    std::uint64_t packets_out = 0;        // packets passed to a next relay
    std::uint64_t deliveries = 0;         // queued for a client's mailbox
    std::uint64_t exit_payloads = 0;      // packets whose payload was for this exit
    std::uint64_t replies = 0;            // exit session ticks that spent a SURB
    std::uint64_t ticks_missed = 0;       // exit session ticks that had no SURB
    std::uint64_t loops_sent = 0;
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_lost = 0;    // did not return within the longest route delay
    std::uint64_t down_cells = 0;    // cells sent to clients, deliveries and padding
    std::uint64_t held_packets = 0;  // left the mix queue on time
    std::uint64_t held_ns = 0;       // sum of their times in the queue
    std::uint64_t asked_ns = 0;      // sum of the delays they requested
    std::array<std::uint64_t, drop_reason_count> dropped{};

    void drop(DropReason reason) { ++dropped[static_cast<std::size_t>(reason)]; }
};

/// Exact values, of class L (docs/metrics.md): shown only while the signed document says lab.
struct LabFacts {
    Counters counters;
    base::Nanoseconds loop_round_trips{};  // sum over the loops that returned
    std::uint64_t unwrap_refused = 0;      // packets refused because the workers' intake was full
    std::uint64_t no_descriptors = 0;      // see Engine::no_descriptors()
    bool loops_missing = false;            // more of its loops than ordinary loss explains
};

/// How many links stand.
struct LinkCounts {
    std::size_t next_relays = 0;  // to dial
    std::size_t next_relays_up = 0;
    std::size_t previous_relays_up = 0;
    std::size_t clients = 0;
};

}  // namespace nightjar::relay::core
