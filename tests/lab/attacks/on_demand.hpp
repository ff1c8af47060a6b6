// A client without the defence, for positive controls. It sends loops at the usual rate, but slots
// only while it has data to send or fetch. Each slot carries only the SURBs spent since the last
// one, so replies also come only then. Its relays and exits are the product's.
#pragma once

#include <memory>

#include "client/core/routes.hpp"
#include "client/core/sealer.hpp"
#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/world/world.hpp"

namespace nightjar::lab::attacks {

class OnDemandClient final : public lab::world::Node {
 public:
    OnDemandClient(lab::world::World& world, base::MailboxId mailbox, base::NodeId gateway);

    /// Transfers `bytes` from `begins` on: full packets at the rate U up, full replies at the rate
    /// R down. `rate`, if not 0, replaces U.
    void use(Work work, std::size_t bytes, base::Mono begins, double rate = 0);

    bool receive(std::uint32_t, cell::CellBox, base::Mono) override { return false; }
    void step(base::Mono now) override;
    base::Mono next_due() const override { return std::min(next_slot_, next_loop_); }

 private:
    void send_slot();
    void send_loop();
    std::size_t write_surbs(base::ByteSpan message, base::Epoch epoch, std::size_t count);

    lab::world::World& world_;
    base::MailboxId mailbox_;
    base::NodeId gateway_;
    std::unique_ptr<base::Random> random_;
    std::unique_ptr<client::core::Sealer> sealer_;
    std::shared_ptr<const directory::Document> document_;
    client::core::SessionRoutes routes_;
    base::SessionId session_;
    std::uint32_t number_ = 0;
    base::Nanoseconds slot_gap_;
    base::Mono next_slot_ = base::Mono::max();
    base::Mono slots_end_{};
    base::Mono next_loop_;
};

}  // namespace nightjar::lab::attacks
