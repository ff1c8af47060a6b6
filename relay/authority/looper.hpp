// Sends an authority's loops through the network (docs/directory.md, "Loops"). It opens a link to
// each gateway as a client does, and sends loops over it at the rate of a client's slots, by routes
// as a client draws them. Only the gateway can know, by the address, that an authority sends them.
//
// core::LoopLosses says what the loops show. One sweep in each part of an epoch
// (core::Reachability), one gateway after the other. One thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "relay/authority/core/loop_losses.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::authority {

class Looper {
 public:
    using DocumentRef = std::shared_ptr<const directory::Document>;
    struct Options {
        base::NetworkId network;
        bool lab = false;      // dials private addresses too
        base::Seconds period;  // of sweeps
        std::function<base::Wall()> now;
        std::function<DocumentRef()> document;  // the one that is valid now; nullptr: none
        /// A sweep is over, the losses are complete, and this is the newest document. The next
        /// sweep waits for it.
        std::function<boost::asio::awaitable<void>(DocumentRef)> swept;
        node::link::LinkLimits limits = {};
    };

    /// `losses` outlives this object.
    Looper(core::LoopLosses& losses, Options options);

    /// Spawns the task that sends. It runs until it is cancelled. `tasks` outlives this object.
    void start(node::process::TaskGroup& tasks);

 private:
    class Turn;
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> sweep();
    boost::asio::awaitable<void> take_turn(core::LoopTurn planned);
    boost::asio::awaitable<std::unique_ptr<node::link::Link>> dial(
        const directory::Relay& gateway, node::link::TlsIdentity& identity);
    static boost::asio::awaitable<void> receive(std::shared_ptr<node::link::Link> link,
                                                std::shared_ptr<Turn> turn,
                                                std::shared_ptr<node::link::TlsIdentity> identity);
    boost::asio::awaitable<void> pause(base::Nanoseconds time);

    core::LoopLosses& losses_;
    Options options_;
    base::SystemRandom random_;
    node::process::TaskGroup* tasks_ = nullptr;
};

}  // namespace nightjar::relay::authority
