// What bad exits, gateways and links see of whole sessions, by the millisecond. Smaller than
// traces, so that it holds hours.
//
//   FlowRecorder flows{options};   // before the Crowd is made
//   Crowd crowd{options}; crowd.run();
//   flows.clients(), flows.sessions(...)
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::sessions {

/// Milliseconds from the beginning, ascending. The laboratory's events are at whole ones.
using Moments = std::vector<std::uint32_t>;

struct ClientFlow {
    Moments slots;       // cells on the uplink
    Moments deliveries;  // packets that reach the client's gateway for it
};

struct SessionFlow {
    unsigned client = 0;  // the truth to guess
    unsigned exit = 0;    // a gateway's index
    Moments arrivals;     // its packets at its exit
    Moments replies;      // its ticks
};

class FlowRecorder {
 public:
    /// Sets on_slot, on_exit, on_reply and on_delivery, and turns traces off. `options` must be
    /// passed on to the Crowd, and this object must outlive it.
    explicit FlowRecorder(attacks::CrowdOptions& options);
    FlowRecorder(const FlowRecorder&) = delete;
    FlowRecorder& operator=(const FlowRecorder&) = delete;

    const std::vector<ClientFlow>& clients() const { return clients_; }
    /// The sessions that have packets in the first and in the last second of [from, to), in ms.
    std::vector<SessionFlow> sessions(std::uint32_t from, std::uint32_t to) const;

 private:
    std::vector<ClientFlow> clients_;
    std::map<base::SessionId, SessionFlow> sessions_;
};

}  // namespace nightjar::lab::sessions
