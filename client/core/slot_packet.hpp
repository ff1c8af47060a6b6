// The packet of one slot: a cell to send, and what is needed to take its content back if it never
// leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::client::core {

/// Identifies a session inside this process. Never reused. 0 is no session and stands for loops.
using SessionHandle = std::uint32_t;
inline constexpr SessionHandle loops_handle = 0;

/// A slot's packet, with its session and its number in that session. A loop has no session.
struct SlotPacket {
    cell::CellBox cell;  // nullptr: no packet could be built; the slot is lost
    SessionHandle session = loops_handle;
    stream::PacketNumber number = 0;
    std::vector<base::SurbId> awaited{};  // what may come back: its SURBs, or the loop itself
    base::Mono due{};                     // when its cell leaves; set once it is handed out
};

}  // namespace nightjar::client::core
