#include "client/core/core.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "client/core/core_impl.hpp"

namespace nightjar::client::core {

Core::Impl::Impl(const std::shared_ptr<const directory::Document>& document, base::MailboxId self,
                 base::NodeId gateway, base::Random& random, base::Mono now,
                 std::unique_ptr<Sealer> sealer)
    : document{document},
      self{self},
      gateway{gateway},
      random{random},
      sealer{sealer ? std::move(sealer) : packet_sealer()},
      clock{now},
      wall{directory::epoch_start(document->epoch, document->parameters.epoch_length)},
      law{document->parameters, random},
      loops_switch{random},
      plan{document->parameters},
      shares{random},
      watch{document->parameters} {
    assert(document->find(gateway) != nullptr);
}

void Core::Impl::use(std::shared_ptr<const directory::Document> newer) {
    // Without our gateway in it the document is of no use. We keep the present one until it
    // expires.
    if (newer->find(gateway) == nullptr) return;
    for (auto& [handle, live] : sessions)
        live.session->document_changed(newer->parameters);
    document = std::move(newer);
    for (auto& [handle, live] : sessions)
        keep_mix(*live.session);
    law.use(document->parameters, clock);
    plan.use(document->parameters);
    watch.use(document->parameters);
}

SessionContext Core::Impl::context() {
    return {*document, gateway_relay(), self, *sealer, random, outstanding};
}

void Core::Impl::connected(base::Mono now, base::Wall wall_now) {
    clock = std::max(clock, now);
    wall = wall_now + correction.at(now, wall_now);
    is_connected = true;
    network = NetworkClock::reading(now, wall);
    law.start(now, network.zero);
    watch.connected(now);
    const auto first_slot = law.next_nominal();
    if (plan_started && now - disconnected_at <= resume_within) {
        for (auto& [handle, live] : sessions)
            resume(live, first_slot, now - disconnected_at);
    } else {
        end_sessions();
        plan.start();
        plan_started = true;
    }
    run_plan(first_slot);
}

void Core::Impl::resume(SessionEntry& live, base::Mono first_slot, base::Nanoseconds away) {
    live.silence.resume(watch.time());
    if (away > heard_within) live.session->resumed(first_slot);
}

void Core::Impl::prepare(base::Mono now, base::Wall wall_now) {
    clock = std::max(clock, now);
    const auto corrected_by = correction.value();
    wall = wall_now + correction.at(now, wall_now);
    network.move(correction.value() - corrected_by);
    if (!is_connected) {
        // Streams wait for the link only as long as their sessions can be resumed.
        if (plan_started && now - disconnected_at > resume_within) end_sessions();
        return;
    }
    take_back_unsent();
    network.follow(now, wall);
    watch.step(now);
    start_waiting();
    outstanding.forget_ended(wall);
    if (now - loops_counted >= count_loops_every) {
        loops_counted = now;
        loops_lost += outstanding.forget_before(
            loops_handle, now - 2 * document->parameters.longest_route_delay());
    }
    while (const auto slot = law.to_prepare(now)) {
        run_plan(slot->nominal);
        auto packet = make(*slot);
        if (slot->kind == Slot::Kind::loop && packet.cell) watch.planned(slot->due);
        law.put(*slot, std::move(packet));
    }
}

void Core::Impl::take_back_unsent() {
    for (const auto& packet : law.take_unsent()) {
        for (const auto& identifier : packet.awaited) {
            const auto expected = outstanding.take(identifier);
            if (expected && expected->session == loops_handle) watch.not_sent(expected->made);
        }
        const auto found = sessions.find(packet.session);
        if (found != sessions.end()) found->second.session->not_sent(packet.number);
    }
}

SlotPacket Core::Impl::make(const Slot& slot) {
    if (slot.kind == Slot::Kind::main) {
        const auto weights = plan.slot_weights(slot.nominal);
        if (weights.empty()) return make_loop(slot);
        if (const auto picked = shares.next(weights, slot.nominal, document->parameters)) {
            auto& session = *sessions.at(*picked).session;
            auto packet = session.compose(plan.find(*picked)->schedule, slot.nominal,
                                          network.at(slot.nominal), slot.due, context());
            if (packet) return std::move(*packet);
        } else if (auto filler = make_filler(slot); filler.cell) {
            return filler;
        }
        // No packet can be built: fill the slot with one more loop.
    }
    return make_loop(slot);
}

SlotPacket Core::Impl::make_filler(const Slot& slot) {
    const auto epoch =
        loops_switch.epoch_for(network.at(slot.nominal), document->parameters.epoch_length);
    const auto* exit = directory::choose_exit(*document, gateway_relay(), random);
    if (exit == nullptr) return {};
    const auto route = directory::forward_route(*document, gateway_relay(), *exit, {}, random);
    if (!route) return {};
    const auto hops = to_hops(*document, *route, epoch, random);
    if (!hops) return {};
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    const base::ByteArray<stream::message_size> of_no_session{};
    if (!sealer->forward(*hops, *base::Destination::from(exit->identity.bytes), of_no_session,
                         random, cell->body()))
        return {};
    return {std::move(cell), loops_handle, 0, {}};
}

SlotPacket Core::Impl::make_loop(const Slot& slot) {
    const auto& law_of_network = document->parameters;
    const auto epoch =
        loops_switch.epoch_for(network.at(slot.nominal), law_of_network.epoch_length);
    const auto& relay = gateway_relay();
    const auto route = directory::forward_route(*document, relay, relay, {}, random);
    if (!route) return {};
    const auto hops = to_hops(*document, *route, epoch, random);
    if (!hops) return {};
    auto identifier = random.id<base::SurbId>();
    while (identifier.is_zero())
        identifier = random.id<base::SurbId>();
    auto surb = sealer->surb(*hops, *base::Destination::from(self.bytes), identifier, random);
    if (!surb) return {};
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    if (!sealer->reply(surb->surb, base::ByteArray<stream::message_size>{}, cell->body()))
        return {};
    outstanding.add({.recovery = std::move(surb->recovery),
                     .session = loops_handle,
                     .made = slot.due,
                     .ends = keys_end(law_of_network, epoch)});
    return {std::move(cell), loops_handle, 0, {identifier}};
}

void Core::Impl::on_delivery(const cell::Cell& cell, base::Mono now) {
    clock = std::max(clock, now);
    const auto body = cell.body();
    const auto identifier = base::SurbId::from(body.first(base::SurbId::size()));
    const auto expected = outstanding.take(*identifier);
    if (!expected) {
        ++deliveries_unknown;
        return;
    }
    const auto payload = body.subspan(base::SurbId::size(), packet::payload_size);
    if (expected->session == loops_handle)
        on_loop(*expected, payload, now);
    else
        on_reply(*expected, payload, now);
}

void Core::Impl::on_loop(const Expected& expected, base::ByteView payload, base::Mono now) {
    if (sealer->recover(expected.recovery, payload)) {
        ++loops_returned;
        watch.returned(expected.made, now);
    } else {
        ++loops_lost;  // it was modified on its way
        watch.modified(expected.made);
    }
}

void Core::Impl::on_reply(const Expected& spent, base::ByteView payload, base::Mono now) {
    const auto found = sessions.find(spent.session);
    if (found == sessions.end()) return;
    const auto message = sealer->recover(spent.recovery, payload);
    if (!message) return;
    const bool taken = found->second.session->on_reply(*message, spent, now);
    // The plan replaces a dead session at its next decision. Its streams need not wait for that.
    if (found->second.session->forgotten()) leave_streams(found->first, found->second);
    if (!taken) return;
    found->second.silence.heard(watch.time(), now);
    ++replies;
    collect(*found->second.bundle, &spent);
    start_waiting();
}

Core::Core(const std::shared_ptr<const directory::Document>& document, base::MailboxId self,
           base::NodeId gateway, base::Random& random, base::Mono now,
           std::unique_ptr<Sealer> sealer)
    : impl_{std::make_unique<Impl>(document, self, gateway, random, now, std::move(sealer))} {}

Core::~Core() = default;

void Core::use(std::shared_ptr<const directory::Document> document) {
    impl_->use(std::move(document));
}

void Core::restore_guards(GuardState state, base::Wall wall) {
    impl_->wall = wall;
    impl_->guards.restore(std::move(state), wall);
}

void Core::choose_exit_country(std::string country) {
    impl_->guards.choose_country(std::move(country));
}

const GuardState& Core::guards() const {
    return impl_->guards.state();
}

const GuardState* Core::changed_guards() {
    const auto changes = impl_->guards.changes();
    return std::exchange(impl_->guards_reported, changes) != changes ? &impl_->guards.state()
                                                                     : nullptr;
}

void Core::connected(base::Mono now, base::Wall wall) {
    impl_->connected(now, wall);
}

void Core::disconnected() {
    if (!impl_->is_connected) return;
    impl_->is_connected = false;
    impl_->disconnected_at = impl_->clock;
    impl_->law.stop();
    impl_->watch.disconnected();
}

std::vector<SlotPacket> Core::tick(base::Mono now, base::Nanoseconds ahead) {
    impl_->clock = std::max(impl_->clock, now);
    return impl_->law.due(now, ahead);
}

void Core::control(cell::CellBox cell) {
    impl_->law.control(std::move(cell));
}

void Core::unwritten(SlotPacket packet) {
    impl_->law.unwritten(std::move(packet));
}

void Core::prepare(base::Mono now, base::Wall wall) {
    impl_->prepare(now, wall);
}

base::Mono Core::next_due() const {
    return impl_->law.next_due();
}

void Core::hear_time(const TimeHeard& time) {
    impl_->correction.heard(time);
}

void Core::on_delivery(const cell::Cell& cell, base::Mono now) {
    impl_->on_delivery(cell, now);
}

}  // namespace nightjar::client::core
