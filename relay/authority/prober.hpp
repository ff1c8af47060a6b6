// Tries to reach the network's relays as other relays do: a link by TLS 1.3 with the relay's key
// pinned, up to both HELLOs, and the end of it (docs/directory.md, "Reachability").
//
// Only an address that an admitted relay has signed is dialled, and outside a laboratory only a
// public one. core::Reachability says when; a few tries run at once, each with a deadline. One
// thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "relay/authority/core/reachability.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::authority {

/// The addresses that may be dialled.
std::vector<boost::asio::ip::tcp::endpoint> dialable(
    const std::vector<directory::Endpoint>& addresses, bool lab);
/// For a new link key.
base::Secret<32> fresh_seed();

class Prober {
 public:
    struct Options {
        base::NetworkId network;
        bool lab = false;  // dials private addresses too
        std::function<base::Wall()> now;
        node::link::LinkLimits limits = {};  // its deadline is for each address
    };

    /// `reach` and `tasks` outlive this object.
    Prober(core::Reachability& reach, Options options);

    /// Spawns what tries relays. It runs until it is cancelled.
    void start(node::process::TaskGroup& tasks);

 private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> attempt(core::Reachability::Target target);

    core::Reachability& reach_;
    Options options_;
    base::SystemRandom random_;
    node::link::TlsIdentity identity_;  // of this process only
};

}  // namespace nightjar::relay::authority
