#include "relay/core/pipeline.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "relay/core/delivery.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/directory/route.hpp"

namespace nightjar::relay::core {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

/// Half of the interval between two ticks of a busy relay.
constexpr base::Nanoseconds half_tick = std::chrono::microseconds{500};

/// The distance, in packets, at which the filter line of a tag is prefetched.
constexpr std::size_t filter_ahead = 4;

}  // namespace

Pipeline::Pipeline(base::NodeId self, std::shared_ptr<const directory::Document> document,
                   Keyring& keyring, ExitSessions* exit, base::Random& random, Counters& counters,
                   base::Mono now, const PipelineOptions& options)
    : self_{self},
      document_{std::move(document)},
      own_{document_->find(self)},
      keyring_{keyring},
      exit_{exit},
      random_{random},
      counters_{counters},
      ingress_{self, document_, keyring, random, options.lab_drop_share, options.replay_room},
      replay_room_{options.replay_room},
      mix_capacity_{options.mix_capacity},
      mix_{make_mix(document_->parameters, options.mix_capacity, random)},
      answer_{options.answer_withheld},
      cover_{self,   document_,
             random, counters,
             now,    options.loop_sealer ? options.loop_sealer : std::make_shared<LoopSealer>()},
      level_{document_->parameters, random},
      mailboxes_{document_->parameters, random, counters, options.downlink_unpaid} {}

void Pipeline::use(std::shared_ptr<const directory::Document> document) {
    assert(document);
    if (!same_mix(document->parameters, document_->parameters)) {
        former_.push_back(std::move(mix_));
        mix_ = make_mix(document->parameters, mix_capacity_, random_);
    }
    document_ = std::move(document);
    own_ = document_->find(self_);
    ingress_.use(document_);
    cover_.use(document_);
    mailboxes_.use(document_->parameters);
    keyring_.lengthen(document_->parameters.key_grace());
    level_.use(document_->parameters);
    if (exit_) exit_->use(document_->parameters);
}

void Pipeline::client_connected(const base::MailboxId& client, const base::IpAddress& from,
                                base::Mono now) {
    mailboxes_.open(client, now, ingress_.client_connected(client, from, now));
}

void Pipeline::client_gone(const base::MailboxId& client, base::Mono now) {
    ingress_.client_gone(client, mailboxes_.close(client), now);
}

std::optional<Work> Pipeline::accept(const Origin& from, cell::CellBox cell, base::Mono arrived,
                                     base::Wall wall) {
    assert(cell);
    if (draining_) return {};
    ++counters_.packets_in;
    ++(from.relay ? counters_.packets_in_relay : counters_.packets_in_client);
    auto key = ingress_.admit(from, *cell, arrived, wall);
    if (!key) {
        counters_.drop(key.error());
        return {};
    }
    if (!from.relay) mailboxes_.earn(from.client);
    Work work;
    work.cell = std::move(cell);
    work.arrived = arrived;
    work.slept = slept_;
    work.from_client = from.relay == nullptr;
    work.client = from.client;
    if (from.relay) work.relay = from.relay->identity;
    work.source = ingress_.source(from);
    work.key = std::move(*key);
    return work;
}

void Pipeline::unwrapped(std::span<Work> batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        prefetch_replay_tag(batch, i + filter_ahead);
        after_unwrap(batch[i]);
    }
}

void Pipeline::tick(base::Mono now, base::Wall wall, Egress& egress) {
    release(now, wall);
    collect_loops(now, wall);
    fill_to_level(collect_replies(now, wall), now, wall);
    send(egress);
    mailboxes_.tick(now, wall, egress);
}

bool Pipeline::wants_to_build(base::Mono now) const {
    return cover_.wants_to_build() || (exit_ && !draining_ && exit_->wants_to_prepare(now));
}

bool Pipeline::build_ahead(base::Mono now, base::Wall wall) {
    if (exit_ && !draining_ && exit_->wants_to_prepare(now)) {
        exit_->prepare(now, wall);
        return true;
    }
    return cover_.build_ahead(now, wall);
}

base::Mono Pipeline::next_due() const {
    auto due = std::min({mix_->next_due(), cover_.next_due(), mailboxes_.next_due()});
    for (const auto& mix : former_)
        due = std::min(due, mix->next_due());
    if (exit_ && !draining_) due = std::min({due, exit_->next_due(), level_.due()});
    return due;
}

void Pipeline::slept(base::Nanoseconds gap) {
    slept_ += gap;
    mix_->slept(gap);
    for (const auto& mix : former_)
        mix->slept(gap);
}

void Pipeline::drain() {
    draining_ = true;
    cover_.stop();
}

std::size_t Pipeline::held() const {
    auto held = mix_->size();
    for (const auto& mix : former_)
        held += mix->size();
    return held;
}

std::vector<base::Nanoseconds> Pipeline::take_loop_round_trips() {
    return cover_.take_round_trips();
}

bool Pipeline::may_send_to(const base::NodeId& next) const {
    const auto* relay = document_->find(next);
    return own_ && relay && directory::may_forward(*document_, *own_, *relay);
}

base::Nanoseconds Pipeline::own_delay() {
    return document_->parameters.draw_delay(random_);
}

/// Prefetches the filter lines of a later packet while this one is handled: at the size for a busy
/// relay they are not in the cache.
void Pipeline::prefetch_replay_tag(std::span<const Work> batch, std::size_t i) const {
    if (i >= batch.size() || !batch[i].outcome) return;
    if (const auto* seen = keyring_.filter(batch[i].key->epoch))
        seen->fetch(batch[i].outcome->replay_tag);
}

void Pipeline::after_unwrap(Work& work) {
    if (!work.outcome) return counters_.drop(DropReason::malformed);
    // The key may have expired while a worker had the packet. Without the filter we cannot know
    // that the packet is new.
    auto* seen = keyring_.filter(work.key->epoch);
    if (!seen) return counters_.drop(DropReason::malformed);
    const auto* relay = work.from_client ? nullptr : &work.relay;
    if (!ingress_.take_room(relay, work.arrived)) return counters_.drop(DropReason::admission);
    if (!seen->insert(work.outcome->replay_tag)) return counters_.drop(DropReason::replayed);
    std::visit(Overloaded{[&](const packet::Forward& forward) { hold_forward(work, forward); },
                          [&](const packet::Final& final) { hold_final(work, final); }},
               work.outcome->what);
}

void Pipeline::hold_forward(Work& work, const packet::Forward& forward) {
    if (!may_send_to(forward.next)) return counters_.drop(DropReason::misrouted);
    // Compare before the conversion: the field may hold any 64-bit value.
    const auto cap = document_->parameters.delay_cap();
    if (forward.delay_ns > static_cast<std::uint64_t>(cap.count()))
        return counters_.drop(DropReason::delay);
    hold(work, ToRelay{forward.next},
         base::Nanoseconds{static_cast<std::int64_t>(forward.delay_ns)});
}

void Pipeline::hold_final(Work& work, const packet::Final& final) {
    const bool gateway = own_ && own_->role == directory::Role::gateway;
    const auto action = final_action(final, self_, work.from_client, exit_ != nullptr, gateway);
    std::visit(Overloaded{[&](const OwnLoop& loop) {
                              // A loop's message is empty. Its zeros show that no relay changed it.
                              const auto message = packet::read_message(final_payload(*work.cell));
                              if (!cover_.returned(loop.identifier, work.arrived,
                                                   message && message->empty()))
                                  counters_.drop(DropReason::misrouted);
                          },
                          [&](const ToExit& to) { hold(work, to, own_delay()); },
                          [&](const ToMailbox& to) {
                              if (!mailboxes_.connected(to.client))
                                  return counters_.drop(DropReason::unreachable);
                              make_delivery(*work.cell, final.identifier);
                              hold(work, to, own_delay());
                          },
                          [](Nowhere) {}, [&](DropReason reason) { counters_.drop(reason); }},
               action);
}

/// Takes a packet that no rule has refused: only such a one may move the client's entry moment on.
void Pipeline::hold(Work& work, HeldTarget where, base::Nanoseconds delay) {
    // A suspend while a worker had the packet makes it as late as the packets held meanwhile. We
    // subtract half a tick because a due packet waits half a tick on average: it then leaves in the
    // tick nearest to its due time.
    if (!work.from_client) level_.got();
    const auto entered =
        work.from_client ? ingress_.enter(work.client, work.arrived) : work.arrived;
    into_mix({std::move(work.cell), where, work.source, entered - (slept_ - work.slept) - half_tick,
              delay});
}

void Pipeline::into_mix(HeldPacket packet) {
    if (answers()) packet.delay = kept_longer(packet.delay, document_->parameters);
    if (!mix_->push(std::move(packet))) counters_.drop(DropReason::overflow);
}

void Pipeline::release(base::Mono now, base::Wall wall) {
    release(*mix_, now, wall);
    for (const auto& mix : former_)
        release(*mix, now, wall);
    std::erase_if(former_, [](const auto& mix) { return mix->size() == 0; });
}

void Pipeline::release(Mix& mix, base::Mono now, base::Wall wall) {
    const auto overdue = mix.release(now, released_);
    counters_.dropped[static_cast<std::size_t>(DropReason::delay)] += overdue;
    for (auto& held : released_) {
        ++counters_.held_packets;
        // The nearest tick may be half a tick before the moment at which a client's packet enters.
        const auto time = std::max(now - held.arrived - half_tick, base::Nanoseconds{0});
        counters_.held_ns += static_cast<std::uint64_t>(time.count());
        counters_.asked_ns += static_cast<std::uint64_t>(held.delay.count());
        std::visit(Overloaded{[&](const ToRelay& to) {
                                  outgoing_.push_back({to.next, std::move(held.cell)});
                              },
                              [&](const ToMailbox& to) {
                                  mailboxes_.deliver(to.client, std::move(held.cell));
                              },
                              [&](const ToExit&) { to_exit(*held.cell, now, wall); }},
                   held.where);
    }
    // Here, not before the next tick: on a quiet relay that is long after.
    base::clear_and_wipe(released_);
}

void Pipeline::to_exit(cell::Cell& cell, base::Mono now, base::Wall wall) {
    const auto message = packet::read_message(final_payload(cell));
    if (message) {
        ++counters_.exit_payloads;
        exit_->on_message(*message, now, wall);
    } else {
        counters_.drop(DropReason::malformed);
    }
    wipe(cell);
}

/// By the laws that release packets together, loops wait in the mix too. Alone, between two
/// releases, they would be known as loops, and be no cover.
void Pipeline::collect_loops(base::Mono now, base::Wall wall) {
    cover_.tick(now, wall, loops_);
    mix_->keep_longer(answers());
    if (document_->parameters.mixing.law == directory::MixLaw::poisson) {
        for (auto& loop : loops_)
            outgoing_.push_back({loop.first_hop, std::move(loop.cell)});
        base::clear_and_wipe(loops_);
    }
    if (answer_) cover_.drop_cover(now, wall, loops_);
    for (auto& loop : loops_)
        into_mix({std::move(loop.cell), ToRelay{loop.first_hop}, ingress_.own_source(),
                  now - half_tick, own_delay()});
    base::clear_and_wipe(loops_);
}

/// Returns how many leave.
std::size_t Pipeline::collect_replies(base::Mono now, base::Wall wall) {
    if (!exit_ || draining_) return 0;
    exit_->tick(now, wall, replies_);
    const auto before = outgoing_.size();
    for (auto& reply : replies_) {
        // The SURB names its first hop, and its author, a client, may have written anything there.
        if (may_send_to(reply.first_hop))
            outgoing_.push_back({reply.first_hop, std::move(reply.cell)});
        else
            counters_.drop(DropReason::misrouted);
    }
    base::clear_and_wipe(replies_);
    return outgoing_.size() - before;
}

void Pipeline::fill_to_level(std::size_t replies, base::Mono now, base::Wall wall) {
    if (!exit_ || draining_ || level_.off()) return;
    const auto missing = level_.missing(exit_->pace(), replies, exit_->beat(), now, wall);
    if (missing.loops + missing.drop_cover > 0) cover_.keep_ready(level_.cover_per_moment());
    for (unsigned i = 0; i < missing.loops; ++i)
        cover_.send_one_more(now, wall, loops_);
    for (unsigned i = 0; i < missing.drop_cover; ++i)
        cover_.send_one_drop(wall, loops_);
    for (auto& loop : loops_)
        outgoing_.push_back({loop.first_hop, std::move(loop.cell)});
    base::clear_and_wipe(loops_);
}

void Pipeline::send(Egress& egress) {
    // Shuffle our own loops and replies among the other packets, so that the order within a tick
    // does not distinguish them.
    random_.shuffle(outgoing_);
    for (auto& packet : outgoing_) {
        switch (egress.to_relay(packet.next, std::move(packet.cell))) {
            case SendResult::queued:
                ++counters_.packets_out;
                break;
            case SendResult::no_link:
                counters_.drop(DropReason::unreachable);
                break;
            case SendResult::queue_full:
                counters_.drop(DropReason::overflow);
                break;
        }
    }
    base::clear_and_wipe(outgoing_);
}

void Pipeline::list_holdings(base::Holdings& out) const {
    const auto& [self, document, own, keyring, exit, random, counters, ingress, room, capacity, mix,
                 former, answer, cover, level, mailboxes, draining, slept, released, loops, replies,
                 outgoing] = *this;
    keyring.list_holdings(out);
    ingress.list_holdings(out);
    auto waiting = mix->size();
    for (const auto& one : former)
        waiting += one->size();
    out.push_back(
        {"Pipeline.mix", "packets", waiting,
         "for at most its delay: a packet without its outer layer, and where it goes next"});
    cover.list_holdings(out);
    mailboxes.list_holdings(out);
    out.push_back({"Pipeline.released", "packets",
                   released.size() + loops.size() + replies.size() + outgoing.size(),
                   "within one tick: packets that leave, and their next relays"});
    if (exit != nullptr) exit->list_holdings(out);
}

}  // namespace nightjar::relay::core
