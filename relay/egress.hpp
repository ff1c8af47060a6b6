// Where a relay's finished cells go. The daemon's links implement it, and the simulation's.
#pragma once

#include "sphinx/base/ids.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::relay {

/// What became of a cell given to a link. Anything but `queued`: the packet is lost, and counted.
enum class Sent { queued, no_link, queue_full };

struct Egress {
    virtual ~Egress() = default;
    // The cell travels on in its box, copied nowhere before the link's own buffer.
    virtual Sent to_relay(const base::NodeId& next, cell::CellBox cell) = 0;
    virtual Sent to_client(const base::MailboxId& client, cell::CellBox cell) = 0;
};

}  // namespace nightjar::relay
