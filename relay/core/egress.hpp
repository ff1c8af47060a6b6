// The way out for a relay's finished cells. The daemon's links and the simulation implement it.
#pragma once

#include "sphinx/base/ids.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::relay::core {

/// What happened to a cell that was given to a link. In every case but `queued` the packet is lost,
/// and the caller counts it.
enum class SendResult { queued, no_link, queue_full };

struct Egress {
    virtual ~Egress() = default;
    // The callee takes ownership of the cell, also if the packet is lost. A queued cell stays in
    // its box: it is not copied before TLS encrypts it into the link's own buffer.
    virtual SendResult to_relay(const base::NodeId& next, cell::CellBox cell) = 0;
    virtual SendResult to_client(const base::MailboxId& client, cell::CellBox cell) = 0;
};

}  // namespace nightjar::relay::core
