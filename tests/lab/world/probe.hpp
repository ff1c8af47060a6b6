// A sender that does not follow the traffic law. It sends packets to an exit or back to its own
// mailbox, at a Poisson rate or one by one. It is for tests of relays; real clients are ClientNode.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "tests/lab/world/world.hpp"

namespace nightjar::lab::world {

class Probe final : public Node {
 public:
    /// Connected from the start. Add it under its mailbox:
    /// world.add<Probe>(mailbox, mailbox, gateway).
    Probe(World& world, base::MailboxId mailbox, base::NodeId gateway);

    /// Sends one packet along gateway, 1, 2, 3, gateway and back to the mailbox. Returns its
    /// identifier.
    base::SurbId send_loop();
    /// Sends one message to an exit.
    void send_to_exit(const base::NodeId& exit, base::ByteView message);
    /// Sets the rate of loops per second from now on; 0: none.
    void send_loops_at(double per_second);

    std::uint64_t sent = 0;
    std::uint64_t returned = 0;
    std::uint64_t unknown = 0;  // deliveries with an unknown identifier, or that came twice
    std::uint64_t padding = 0;
    std::vector<base::Nanoseconds> round_trips;

    bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) override;
    void step(base::Mono now) override;
    base::Mono next_due() const override { return next_; }

 private:
    void send(const base::NodeId& last, const base::Destination& destination,
              const base::SurbId& identifier, base::ByteView message);

    World& world_;
    base::MailboxId mailbox_;
    base::NodeId gateway_;
    std::unique_ptr<base::Random> random_;
    std::unique_ptr<client::core::Sealer> sealer_;
    std::unique_ptr<relay::core::LoopSealer> loop_sealer_;
    double per_second_ = 0;
    base::Mono next_ = base::Mono::max();
    std::map<base::SurbId, base::Mono> outstanding_;
};

}  // namespace nightjar::lab::world
