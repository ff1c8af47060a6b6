// Why a relay dropped a packet. The same set is the metric's label, the tests' oracle and the
// manual's table. The set is closed: at most eight reasons (docs/metrics.md R6).
#pragma once

#include <array>
#include <cstdint>

namespace nightjar::relay::core {

enum class DropReason : std::uint8_t {
    malformed,    // bad length, alpha, low-order point, MAC, flag or version; unknown epoch
    replayed,     // the replay tag was seen before under this key
    misrouted,    // the route rules forbid the next hop, or no such delivery exists
    delay,        // the delay is above the cap, or the packet is overdue by more than 250 ms
    overflow,     // a random victim of a full mix queue, or a full link or mailbox queue
    admission,    // the client's token bucket was empty
    unreachable,  // no link to the next hop, or the mailbox is not connected
    injected,     // lab fault injection
};
inline constexpr std::size_t drop_reason_count = 8;
inline constexpr std::array<const char*, drop_reason_count> drop_reason_names{
    "malformed", "replayed",  "misrouted",   "delay",
    "overflow",  "admission", "unreachable", "injected"};

}  // namespace nightjar::relay::core
