// A client of the simulation: the product's core and its link to one gateway.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "client/core.hpp"
#include "tests/simulation/world.hpp"

namespace nightjar::simulation {

class ClientNode final : public Node {
 public:
    /// Connected from the start. Add it under its mailbox:
    /// world.add<ClientNode>(mailbox, mailbox, gateway).
    ClientNode(World& world, base::MailboxId mailbox, base::NodeId gateway);

    bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) override;
    void step(base::Mono now) override;
    base::Mono next_due() const override;

    client::Core& core() { return *core_; }
    /// What an application does whenever this client is stepped; nothing at first.
    std::function<void(client::Core&, base::Mono)> application;
    const base::MailboxId& mailbox() const { return mailbox_; }

 private:
    void keep_law(base::Mono now);

    World& world_;
    base::MailboxId mailbox_;
    base::NodeId gateway_;
    std::unique_ptr<base::Random> random_;
    std::shared_ptr<const directory::Document> document_;
    std::unique_ptr<client::Core> core_;
};

}  // namespace nightjar::simulation
