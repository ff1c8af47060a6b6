#include "tests/lab/world/client_node.hpp"

#include <algorithm>
#include <utility>

#include "client/core/sealer.hpp"
#include "sphinx/cell/padding_time.hpp"

namespace nightjar::lab::world {
namespace {

/// Changes the first draw and passes the others on. A client's first draw is the key of the random
/// stream that places its slots (client/core/traffic_law.hpp).
class OtherMoments final : public base::Random {
 public:
    explicit OtherMoments(std::unique_ptr<base::Random> random) : random_{std::move(random)} {}

    void fill(base::ByteSpan out) override {
        random_->fill(out);
        if (!std::exchange(first_, false)) return;
        for (auto& byte : out)
            byte ^= 0x5a;
    }

 private:
    std::unique_ptr<base::Random> random_;
    bool first_ = true;
};

std::unique_ptr<base::Random> random_of(World& world) {
    auto random = world.fork_random();
    if (!world.options().other_moments) return random;
    return std::make_unique<OtherMoments>(std::move(random));
}

}  // namespace

ClientNode::ClientNode(World& world, base::MailboxId mailbox, base::NodeId gateway,
                       const ClientLife& life)
    : world_{world},
      mailbox_{mailbox},
      gateway_{gateway},
      random_{random_of(world)},
      connects_{life.connects.value_or(world.now())},
      leaves_{life.leaves},
      clock_synchronised_{life.clock_synchronised} {
    clock_offset = life.clock_offset;
    clock_ppm = life.clock_ppm;
    document_ = world.document(world.wall(*this));
    core_ = std::make_unique<client::core::Core>(
        document_, mailbox_, gateway_, *random_, local(world.now()),
        client_sealer(world.options().packets, world.fork_seed()));
    if (connects_ <= world.now()) connect();
}

void ClientNode::connect() {
    state_ = State::connected;
    const auto now = local(world_.now());
    world_.connect(mailbox_, gateway_);
    core_->connected(now, world_.wall(*this));
    core_->prepare(now, world_.wall(*this));
}

void ClientNode::leave() {
    state_ = State::gone;
    core_->disconnected();
    world_.disconnect(mailbox_, gateway_);
}

void ClientNode::cut(base::Mono until) {
    if (state_ == State::connected) leave();
    state_ = State::cut;
    connects_ = until;
    idle_ = world_.now();
    delivered_.clear();
}

base::Mono ClientNode::local(base::Mono at) const {
    return World::begin + drifted(at - World::begin, clock_ppm);
}

base::Mono ClientNode::true_time(base::Mono local) const {
    if (clock_ppm == 0 || local == base::Mono::max()) return local;
    const auto shown = base::to_seconds(local - World::begin);
    auto at = World::begin + base::from_seconds(shown / (1 + clock_ppm * 1e-6));
    while (this->local(at) < local)
        at += base::Nanoseconds{100};
    return at;
}

bool ClientNode::receive(std::uint32_t, cell::CellBox cell, base::Mono at) {
    if (state_ != State::connected) return false;
    if (frozen) {
        if (delivered_.size() < kernel_keeps)
            delivered_.push_back({std::move(cell), base::Mono::max()});
        return false;
    }
    // Where the host's clock is synchronised, the gateway's time has no effect.
    if (const auto time = clock_synchronised_ ? std::nullopt : cell::time_in(*cell))
        core_->hear_time({*time, local(world_.now()), world_.wall(*this), false});
    if (cell->kind() != cell::Kind::packet) return false;
    // Between two slots a delivery only affects the packets of the next slot. So it waits for that
    // slot unless core() has been called: each of ten thousand clients is loaded into the cache
    // once per slot, not twice.
    delivered_.push_back({std::move(cell), at});
    if (!application && !looked_at_) return false;
    take_deliveries();
    return application != nullptr;
}

void ClientNode::take_deliveries() {
    for (const auto& delivery : delivered_)
        core_->on_delivery(*delivery.cell, local(std::min(delivery.at, world_.now())));
    delivered_.clear();
}

client::core::Core& ClientNode::core() {
    looked_at_ = true;
    take_deliveries();
    return *core_;
}

void ClientNode::step(base::Mono at) {
    if (frozen) return;
    const bool apart = state_ == State::before || state_ == State::cut;
    if (apart && connects_ <= at) return connect();
    if (state_ == State::cut && idle_ <= at) {
        core_->prepare(local(at), world_.wall(*this));
        idle_ = at + base::Seconds{1};
        if (application) application(core(), local(at));
    }
    if (state_ == State::connected && leaves_ <= at) leave();
    if (state_ != State::connected) return;
    const auto now = local(at);
    // As in the daemon: only slots run the schedule, while deliveries also wake applications.
    if (core_->next_due() <= now) run_schedule(now);
    if (application) application(core(), now);
}

void ClientNode::run_schedule(base::Mono now) {
    take_deliveries();
    const auto wall = world_.wall(*this);
    auto document = world_.document(wall - document_late);
    if (document->epoch > document_->epoch) {
        document_ = std::move(document);
        core_->use(document_);
    }
    for (auto& packet : core_->tick(now))
        world_.send(*this, gateway_, std::move(packet.cell));
    core_->prepare(now, wall);
}

base::Mono ClientNode::next_due() const {
    if (frozen) return base::Mono::max();
    switch (state_) {
        case State::before:
            return connects_;
        case State::cut:
            return std::min(connects_, idle_);
        case State::connected:
            return std::min(leaves_, true_time(core_->next_due()));
        case State::gone:
            break;
    }
    return base::Mono::max();
}

}  // namespace nightjar::lab::world
