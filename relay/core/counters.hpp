// What a relay counts, and what its operator may see: why packets are dropped, counters, the state.
// Counters are plain integers, used on the I/O thread only. `metrics` decides which are shown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

/// Why a relay dropped a packet. The same set is the metric's label, the tests' oracle and the
/// manual's table. The set is closed: at most eight reasons (docs/metrics.md R6).
enum class DropReason : std::uint8_t {
    malformed,    // bad length, alpha, low-order point, MAC, flag or version; unknown epoch
    replayed,     // the replay tag was seen before under this key
    misrouted,    // the route rules forbid the next hop, or no such delivery exists
    delay,        // the delay is above the cap, or the packet is overdue by more than 250 ms
    overflow,     // a full mix, intake, link, mailbox or exit
    admission,    // a client beyond its rate or unknown; a neighbour beyond its replay room
    unreachable,  // no link to the next hop, or the mailbox is not connected
    injected,     // lab fault injection
};
inline constexpr std::size_t drop_reason_count = 8;
inline constexpr std::array<const char*, drop_reason_count> drop_reason_names{
    "malformed", "replayed",  "misrouted",   "delay",
    "overflow",  "admission", "unreachable", "injected"};

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
    std::uint64_t fill_loops = 0;  // those of loops_sent that fill an exit's level
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_lost = 0;      // did not return within the longest route delay
    std::uint64_t loops_modified = 0;  // returned with another payload
    std::uint64_t drop_cover = 0;    // packets made to answer withheld packets, or to fill a level
    std::uint64_t down_cells = 0;    // cells sent to clients, deliveries and padding
    std::uint64_t held_packets = 0;  // left the mix queue on time
    std::uint64_t held_ns = 0;       // sum of their times in the queue
    std::uint64_t asked_ns = 0;      // sum of the delays they requested
    std::array<std::uint64_t, drop_reason_count> dropped{};

    void drop(DropReason reason) { ++dropped[static_cast<std::size_t>(reason)]; }
};

/// How long a relay's own loops took, counted in fixed steps: four to a doubling.
struct RoundTripCounts {
    static constexpr std::size_t steps = 44;
    std::array<std::uint64_t, steps> counts{};

    /// The longest time of a step: 12.5 ms for the first. The last has everything beyond it too.
    static constexpr base::Nanoseconds longest(std::size_t step) {
        return base::Nanoseconds{2'500'000} * (5 + step % 4) * (1 << step / 4);
    }
    void add(base::Nanoseconds round_trip) {
        std::size_t step = 0;
        while (step + 1 < steps && round_trip > longest(step))
            ++step;
        ++counts[step];
    }
};

/// How a relay's own loops return (relay/core/loop_watch.hpp).
struct LoopFacts {
    bool missing = false;      // more are lost than ordinary loss explains
    bool answers = false;      // packets into this relay are, or were just now, withheld
    base::Wall withheld_at{};  // when they last were; the epoch if never
};

/// Exact values, of class L (docs/metrics.md): shown only while the signed document says lab.
struct LabFacts {
    Counters counters;
    base::Nanoseconds loop_round_trips{};  // sum over the loops that returned
    std::uint64_t unwrap_refused = 0;      // packets refused because the workers' intake was full
    std::uint64_t no_descriptors = 0;      // see Engine::no_descriptors()
    LoopFacts loops;
    bool replay_filter_full = false;          // see Engine::replay_filter_full()
    std::uint64_t replay_filters_filled = 0;  // how often that became true
    RoundTripCounts round_trips;
};

/// How many links stand.
struct LinkCounts {
    std::size_t next_relays = 0;  // to dial
    std::size_t next_relays_up = 0;
    std::size_t previous_relays_up = 0;
    std::size_t clients = 0;
    std::size_t post_quantum = 0;  // of the relays' links that are up
};

/// The state of a relay, as its operator sees it.
enum class State : std::uint8_t {
    starting,
    active,
    not_listed,        // the document in use does not list this relay, or lists other keys of it
    document_expired,  // and no newer one has been found
    document_early,    // the clock was set back to before the document begins: no key is accepted
    clock_jumped,      // the wall clock was set by more than a minute, and it is not believed yet
    draining,
};
inline constexpr std::size_t state_count = 7;
inline constexpr std::array<const char*, state_count> state_names{
    "starting",       "active",       "not_listed", "document_expired",
    "document_early", "clock_jumped", "draining"};

}  // namespace nightjar::relay::core
