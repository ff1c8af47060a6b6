#include "tests/lab/world/probe.hpp"

#include <algorithm>
#include <stdexcept>

#include "sphinx/directory/route.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::lab::world {

Probe::Probe(World& world, base::MailboxId mailbox, base::NodeId gateway)
    : world_{world},
      mailbox_{mailbox},
      gateway_{gateway},
      random_{world.fork_random()},
      sealer_{client_sealer(world.options().packets, world.fork_seed())},
      loop_sealer_{loop_sealer(world.options().packets, world.fork_seed())} {
    world_.connect(mailbox_, gateway_);
}

base::SurbId Probe::send_loop() {
    const auto identifier = random_->id<base::SurbId>();
    outstanding_[identifier] = world_.now();
    send(gateway_, base::Destination{mailbox_.bytes}, identifier, {});
    return identifier;
}

void Probe::send_to_exit(const base::NodeId& exit, base::ByteView message) {
    send(exit, base::Destination{exit.bytes}, {}, message);
}

void Probe::send(const base::NodeId& last, const base::Destination& destination,
                 const base::SurbId& identifier, base::ByteView message) {
    const auto wall = world_.wall(*this);
    const auto document = world_.document(wall);
    const auto& law = document->parameters;
    const auto epoch = directory::epoch_to_build_for(wall, law.epoch_length);
    const auto route = directory::forward_route(*document, *document->find(gateway_),
                                                *document->find(last), {}, *random_);
    if (!route) throw std::logic_error("this world has no route for its probe");
    std::vector<packet::Hop> hops;
    for (const auto* relay : *route) {
        const auto delay = law.draw_delay(*random_);
        hops.push_back({relay->identity, *document->mix_key(*relay, epoch),
                        static_cast<std::uint64_t>(delay.count())});
    }
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    relay::core::LoopJob job{hops, destination, identifier, cell->body()};
    if (identifier.is_zero())
        job.sealed = sealer_->forward(hops, destination, message, *random_, cell->body());
    else
        loop_sealer_->seal({&job, 1}, *random_);
    if (!job.sealed) throw std::logic_error("a probe's packet could not be built");
    ++sent;
    world_.send(mailbox_, gateway_, *cell);
}

void Probe::send_loops_at(double per_second) {
    per_second_ = per_second;
    next_ = per_second > 0 ? world_.now() + random_->exponential(base::from_seconds(1 / per_second))
                           : base::Mono::max();
}

bool Probe::receive(std::uint32_t, cell::CellBox cell, base::Mono at) {
    if (cell->kind() != cell::Kind::packet) {
        ++padding;
        return false;
    }
    const auto identifier = base::SurbId::from(cell->body().first(base::SurbId::size()));
    const auto found = outstanding_.find(*identifier);
    if (found == outstanding_.end()) {
        ++unknown;
        return false;
    }
    round_trips.push_back(at - found->second);
    outstanding_.erase(found);
    ++returned;
    return false;
}

void Probe::step(base::Mono now) {
    while (next_ <= now) {
        send_loop();
        next_ += random_->exponential(base::from_seconds(1 / per_second_));
    }
}

}  // namespace nightjar::lab::world
