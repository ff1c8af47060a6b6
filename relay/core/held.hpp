// A packet that the mix holds, and where it goes when its time comes.
#pragma once

#include <variant>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::relay::core {

// The destination of a held packet.
struct ToRelay {
    base::NodeId next;
};
struct ToMailbox {
    base::MailboxId client;
};
struct ToExit {};
using HeldTarget = std::variant<ToRelay, ToMailbox, ToExit>;

// One cache line: among thousands of packets, a due packet is rarely in the cache.
struct alignas(64) HeldPacket {
    cell::CellBox cell;
    HeldTarget where;
    base::Mono arrived;         // when the delay starts: at arrival, or at the entry moment
    base::Nanoseconds delay{};  // the sender's, or the relay's own for a packet that ends here
    base::Mono due() const { return arrived + delay; }
};
static_assert(sizeof(HeldPacket) == 64);

}  // namespace nightjar::relay::core
