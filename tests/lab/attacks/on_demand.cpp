#include "tests/lab/attacks/on_demand.hpp"

#include <algorithm>

#include "sphinx/stream/header.hpp"

namespace nightjar::lab::attacks {
namespace {

base::NodeId some_exit(const directory::Document& document, const base::NodeId& gateway,
                       base::Random& random) {
    return directory::choose_exit(document, *document.find(gateway), random)->identity;
}

}  // namespace

OnDemandClient::OnDemandClient(lab::world::World& world, base::MailboxId mailbox,
                               base::NodeId gateway)
    : world_{world},
      mailbox_{mailbox},
      gateway_{gateway},
      random_{world.fork_random()},
      sealer_{lab::world::client_sealer(lab::world::Packets::clear, world.fork_seed())},
      document_{world.document(world.wall(*this))},
      routes_{some_exit(*document_, gateway, *random_), document_->parameters.fixed_hops},
      session_{random_->id<base::SessionId>()},
      slot_gap_{document_->parameters.main_slots.mean_gap()},
      next_loop_{world.now() +
                 random_->exponential(document_->parameters.client_loops.mean_gap())} {
    world_.connect(mailbox_, gateway_);
}

void OnDemandClient::use(Work work, std::size_t bytes, base::Mono begins, double slots) {
    const auto& law = document_->parameters;
    const auto room = work == Work::download ? stream::down_room : stream::up_room(1);
    if (slots > 0) slot_gap_ = base::from_seconds(1 / slots);
    const auto rate =
        work == Work::download ? law.replies.per_second() : 1 / base::to_seconds(slot_gap_);
    const auto packets = static_cast<double>(bytes) / static_cast<double>(room);
    next_slot_ = begins;
    slots_end_ = begins + base::from_seconds(packets / rate);
}

void OnDemandClient::step(base::Mono now) {
    while (next_slot_ <= now) {
        send_slot();
        next_slot_ += random_->exponential(slot_gap_);
        if (next_slot_ > slots_end_) next_slot_ = base::Mono::max();
    }
    while (next_loop_ <= now) {
        send_loop();
        next_loop_ += random_->exponential(document_->parameters.client_loops.mean_gap());
    }
}

std::size_t OnDemandClient::write_surbs(base::ByteSpan message, base::Epoch epoch,
                                        std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto route = routes_.reply(*document_, *document_->find(gateway_), *random_);
        const auto hops = client::core::to_hops(*document_, *route, epoch, *random_);
        const auto made = sealer_->surb(*hops, *base::Destination::from(mailbox_.bytes),
                                        random_->id<base::SurbId>(), *random_);
        std::copy(made->surb.begin(), made->surb.end(),
                  message.begin() + static_cast<std::ptrdiff_t>(i * stream::surb_size));
    }
    return count;
}

void OnDemandClient::send_slot() {
    const auto& law = document_->parameters;
    const auto epoch = directory::epoch_to_build_for(world_.wall(*this), law.epoch_length);
    base::ByteArray<stream::message_size> message{};
    const auto surbs =
        write_surbs(base::ByteSpan{message}.subspan(stream::up_header_size), epoch, 1);
    stream::encode({.session = session_,
                    .surb_count = static_cast<std::uint8_t>(surbs),
                    .surb_epoch = epoch.low_byte(),
                    .number = ++number_,
                    .schedule = {.sequence = 1, .pace_milli = law.replies.milli},
                    .acks = {}},
                   message);
    const auto route = routes_.forward(*document_, *document_->find(gateway_), *random_);
    const auto hops = client::core::to_hops(*document_, *route, epoch, *random_);
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    sealer_->forward(*hops, *base::Destination::from(routes_.exit().bytes), message, *random_,
                     cell->body());
    world_.send(mailbox_, gateway_, *cell);
}

void OnDemandClient::send_loop() {
    const auto& law = document_->parameters;
    const auto epoch = directory::epoch_to_build_for(world_.wall(*this), law.epoch_length);
    const auto& gateway = *document_->find(gateway_);
    const auto route = directory::forward_route(*document_, gateway, gateway, {}, *random_);
    const auto hops = client::core::to_hops(*document_, *route, epoch, *random_);
    const auto made = sealer_->surb(*hops, *base::Destination::from(mailbox_.bytes),
                                    random_->id<base::SurbId>(), *random_);
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    sealer_->reply(made->surb, base::ByteArray<stream::message_size>{}, cell->body());
    world_.send(mailbox_, gateway_, *cell);
}

}  // namespace nightjar::lab::attacks
