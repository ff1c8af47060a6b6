// A client of the simulation: the product's core and its link to one gateway.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/core/core.hpp"
#include "tests/lab/world/world.hpp"

namespace nightjar::lab::world {

/// When a client is connected, and how wrong its clocks are.
struct ClientLife {
    std::optional<base::Mono> connects{};  // true time; nullopt: when it is added
    base::Mono leaves = base::Mono::max();
    base::Milliseconds clock_offset{};
    double clock_ppm = 0;
    /// Its host says that its clock is synchronised, right or wrong. Else it goes by its gateway's.
    bool clock_synchronised = true;
};

class ClientNode final : public Node {
 public:
    /// Connected from the start, with true clocks, unless `life` says otherwise. Add it under its
    /// mailbox: world.add<ClientNode>(mailbox, mailbox, gateway).
    ClientNode(World& world, base::MailboxId mailbox, base::NodeId gateway,
               const ClientLife& life = {});

    bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) override;
    void step(base::Mono now) override;
    base::Mono next_due() const override;

    /// Breaks the link to the gateway, on both sides. It is back at `until`.
    void cut(base::Mono until);
    bool connected() const { return state_ == State::connected; }

    /// The core, with all deliveries so far processed. After the first call, deliveries are
    /// processed in every tick instead of once per slot.
    client::core::Core& core();
    /// Called whenever this client is stepped. Plays the applications; empty at first.
    std::function<void(client::core::Core&, base::Mono)> application;
    const base::MailboxId& mailbox() const { return mailbox_; }

 private:
    struct Delivery {
        cell::CellBox cell;
        base::Mono at;
    };
    void connect();
    void leave();
    void take_deliveries();
    void run_schedule(base::Mono now);
    /// The client's monotonic clock at a true time, and the first true time at which it shows
    /// `local` or later.
    base::Mono local(base::Mono at) const;
    base::Mono true_time(base::Mono local) const;

    World& world_;
    base::MailboxId mailbox_;
    base::NodeId gateway_;
    std::unique_ptr<base::Random> random_;
    std::shared_ptr<const directory::Document> document_;
    std::unique_ptr<client::core::Core> core_;
    base::Mono connects_;
    base::Mono leaves_;
    bool clock_synchronised_;
    enum class State { before, connected, cut, gone } state_ = State::before;
    base::Mono idle_{};  // while the link is cut: when the core is called next
    bool looked_at_ = false;
    std::vector<Delivery> delivered_;  // since the last slot
};

}  // namespace nightjar::lab::world
