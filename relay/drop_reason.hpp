// Why a relay dropped a packet: the metric's label, the tests' oracle, the manual's table. Closed:
// at most eight (docs/metrics.md R6).
#pragma once

#include <array>
#include <cstdint>

namespace nightjar::relay {

enum class DropReason : std::uint8_t {
    malformed,    // length, alpha, low order, MAC, flag, version; an unknown epoch's key
    replayed,     // its tag was seen under this key
    misrouted,    // a next hop that the route rules forbid, or an impossible delivery
    delay,        // a delay above the cap, or overdue by more than 250 ms
    overflow,     // a random victim of a full mix queue, or a full link or mailbox queue
    admission,    // the client's token bucket was empty
    unreachable,  // no link to the next hop, or the mailbox is not connected
    injected,     // lab fault injection
};
inline constexpr std::size_t drop_reason_count = 8;
inline constexpr std::array<const char*, drop_reason_count> drop_reason_names{
    "malformed", "replayed",  "misrouted",   "delay",
    "overflow",  "admission", "unreachable", "injected"};

}  // namespace nightjar::relay
