// A simulated relay: the product's pipeline, its keys and, on a gateway, its exit sessions.
#pragma once

#include <memory>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/core/keyring.hpp"
#include "relay/core/pipeline.hpp"
#include "tests/lab/world/world.hpp"

namespace nightjar::lab::world {

class RelayNode final : public Node, private relay::core::Egress {
 public:
    RelayNode(World& world, base::NodeId identity, bool exit);

    bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) override;
    void step(base::Mono now) override;
    base::Mono next_due() const override;

    /// The process ended and has started again. Its keys and their filters were stored. All
    /// packets, mailboxes, sessions and connections are gone. Call it between runs.
    void restart();

    const base::NodeId& identity() const { return identity_; }
    relay::core::Pipeline& pipeline() { return *pipeline_; }
    relay::core::Counters counters;
    ExitHost* exit_host() { return exit_host_.get(); }
    relay::core::ExitSessions* exit_sessions() { return exit_.get(); }

 private:
    relay::core::SendResult to_relay(const base::NodeId& next, cell::CellBox cell) override;
    relay::core::SendResult to_client(const base::MailboxId& client, cell::CellBox cell) override;
    void start();
    bool take(std::uint32_t from, cell::CellBox cell, base::Mono at);
    std::shared_ptr<const directory::Document> latest_document() const;
    void follow_the_clock();
    void hold_key(base::Epoch epoch);

    World& world_;
    base::NodeId identity_;
    bool is_exit_;
    std::unique_ptr<base::Random> random_;
    std::shared_ptr<const directory::Document> document_;
    relay::core::Keyring keyring_;
    std::unique_ptr<relay::core::ExitSessions> exit_;
    std::unique_ptr<relay::core::Pipeline> pipeline_;
    std::unique_ptr<ExitHost> exit_host_;
    std::vector<relay::core::Work> waiting_;
    std::vector<std::pair<std::uint32_t, cell::CellBox>> kept_;  // while the process stood still
};

}  // namespace nightjar::lab::world
