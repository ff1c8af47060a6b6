#include "relay/core/pipeline.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "relay/core/delivery.hpp"
#include "relay/core/mailbox.hpp"
#include "relay/core/mix_queue.hpp"
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

/// A packet that leaves for the next relay in this tick.
struct Outgoing {
    base::NodeId next;
    cell::CellBox cell;
};

}  // namespace

struct Pipeline::Impl {
    Impl(base::NodeId self, std::shared_ptr<const directory::Document> document, Keyring& keyring,
         ExitSessions* exit, base::Random& random, Counters& counters, base::Mono now,
         const PipelineOptions& options);

    void use(std::shared_ptr<const directory::Document> newer);
    bool may_send_to(const base::NodeId& next) const;
    base::Nanoseconds own_delay();

    // Inbound.
    void prefetch_replay_tag(std::span<const Work> batch, std::size_t i) const;
    void after_unwrap(Work& work);
    void hold_forward(Work& work, const packet::Forward& forward);
    void hold_final(Work& work, const packet::Final& final);
    void hold(Work& work, HeldTarget where, base::Nanoseconds delay);

    // Outbound.
    void release(base::Mono now);
    void to_exit(cell::Cell& cell, base::Mono now);
    void collect_loops(base::Mono now, base::Wall wall);
    void collect_replies(base::Mono now, base::Wall wall);
    void send(Egress& egress);

    base::NodeId self;
    std::shared_ptr<const directory::Document> document;
    const directory::Relay* own = nullptr;  // this relay's entry in the document
    Keyring& keyring;
    ExitSessions* exit;
    base::Random& random;
    Counters& counters;
    Ingress ingress;
    MixQueue mix;
    Cover cover;
    Mailboxes mailboxes;
    bool draining = false;
    base::Nanoseconds slept{};  // total suspend time

    // Scratch; members only to keep their memory between ticks.
    std::vector<HeldPacket> released;
    std::vector<Cover::Loop> loops;
    std::vector<ExitSessions::Reply> replies;
    std::vector<Outgoing> outgoing;
};

Pipeline::Impl::Impl(base::NodeId self_id, std::shared_ptr<const directory::Document> first,
                     Keyring& keys, ExitSessions* exit_sessions, base::Random& source,
                     Counters& counts, base::Mono now, const PipelineOptions& options)
    : self{self_id},
      document{std::move(first)},
      own{document->find(self)},
      keyring{keys},
      exit{exit_sessions},
      random{source},
      counters{counts},
      ingress{self, document, keyring, random, options.lab_drop_share},
      mix{options.mix_capacity, random},
      cover{self,   document,
            random, counters,
            now,    options.loop_sealer ? options.loop_sealer : std::make_shared<LoopSealer>()},
      mailboxes{document->parameters.down, random, counters} {}

void Pipeline::Impl::use(std::shared_ptr<const directory::Document> newer) {
    document = std::move(newer);
    own = document->find(self);
    ingress.use(document);
    cover.use(document);
    mailboxes.use(document->parameters.down);
    keyring.lengthen(document->parameters.longest_route_delay());
    if (exit) exit->use(document->parameters);
}

bool Pipeline::Impl::may_send_to(const base::NodeId& next) const {
    const auto* relay = document->find(next);
    return own && relay && directory::may_forward(*document, *own, *relay);
}

base::Nanoseconds Pipeline::Impl::own_delay() {
    const auto& law = document->parameters;
    return random.exponential_capped(law.mean_delay, law.delay_cap());
}

/// Prefetches the filter lines of a later packet while this one is handled: at the size for a busy
/// relay they are not in the cache.
void Pipeline::Impl::prefetch_replay_tag(std::span<const Work> batch, std::size_t i) const {
    if (i >= batch.size() || !batch[i].outcome) return;
    if (const auto* seen = keyring.filter(batch[i].key->epoch))
        seen->fetch(batch[i].outcome->replay_tag);
}

void Pipeline::Impl::after_unwrap(Work& work) {
    if (!work.outcome) return counters.drop(DropReason::malformed);
    // The key may have expired while a worker had the packet. Without the filter we cannot know
    // that the packet is new.
    auto* seen = keyring.filter(work.key->epoch);
    if (!seen) return counters.drop(DropReason::malformed);
    if (!seen->insert(work.outcome->replay_tag)) return counters.drop(DropReason::replayed);
    std::visit(Overloaded{[&](const packet::Forward& forward) { hold_forward(work, forward); },
                          [&](const packet::Final& final) { hold_final(work, final); }},
               work.outcome->what);
}

void Pipeline::Impl::hold_forward(Work& work, const packet::Forward& forward) {
    if (!may_send_to(forward.next)) return counters.drop(DropReason::misrouted);
    // Compare before the conversion: the field may hold any 64-bit value.
    const auto cap = document->parameters.delay_cap();
    if (forward.delay_ns > static_cast<std::uint64_t>(cap.count()))
        return counters.drop(DropReason::delay);
    hold(work, ToRelay{forward.next},
         base::Nanoseconds{static_cast<std::int64_t>(forward.delay_ns)});
}

void Pipeline::Impl::hold_final(Work& work, const packet::Final& final) {
    const bool gateway = own && own->role == directory::Role::gateway;
    const auto action = final_action(final, self, work.from_client, exit != nullptr, gateway);
    std::visit(Overloaded{[&](const OwnLoop& loop) {
                              if (!cover.returned(loop.identifier, work.arrived))
                                  counters.drop(DropReason::misrouted);
                          },
                          [&](const ToExit& to) { hold(work, to, own_delay()); },
                          [&](const ToMailbox& to) {
                              if (!mailboxes.connected(to.client))
                                  return counters.drop(DropReason::unreachable);
                              make_delivery(*work.cell, final.identifier);
                              hold(work, to, own_delay());
                          },
                          [&](DropReason reason) { counters.drop(reason); }},
               action);
}

void Pipeline::Impl::hold(Work& work, HeldTarget where, base::Nanoseconds delay) {
    // A suspend while a worker had the packet makes it as late as the packets held meanwhile. We
    // subtract half a tick because a due packet waits half a tick on average: it then leaves in the
    // tick nearest to its due time.
    const auto arrived = work.arrived - (slept - work.slept) - half_tick;
    if (!mix.push({std::move(work.cell), where, arrived, delay}))
        counters.drop(DropReason::overflow);
}

void Pipeline::Impl::release(base::Mono now) {
    released.clear();
    const auto overdue = mix.release(now, released);
    counters.dropped[static_cast<std::size_t>(DropReason::delay)] += overdue;
    for (auto& held : released) {
        ++counters.held_packets;
        counters.held_ns += static_cast<std::uint64_t>((now - held.arrived - half_tick).count());
        counters.asked_ns += static_cast<std::uint64_t>(held.delay.count());
        std::visit(Overloaded{[&](const ToRelay& to) {
                                  outgoing.push_back({to.next, std::move(held.cell)});
                              },
                              [&](const ToMailbox& to) {
                                  mailboxes.deliver(to.client, std::move(held.cell));
                              },
                              [&](const ToExit&) { to_exit(*held.cell, now); }},
                   held.where);
    }
}

void Pipeline::Impl::to_exit(cell::Cell& cell, base::Mono now) {
    const auto message = packet::read_message(final_payload(cell));
    if (message) {
        ++counters.exit_payloads;
        exit->on_message(*message, now);
    } else {
        counters.drop(DropReason::malformed);
    }
    wipe(cell);
}

void Pipeline::Impl::collect_loops(base::Mono now, base::Wall wall) {
    loops.clear();
    cover.tick(now, wall, loops);
    for (auto& loop : loops)
        outgoing.push_back({loop.first_hop, std::move(loop.cell)});
}

void Pipeline::Impl::collect_replies(base::Mono now, base::Wall wall) {
    if (!exit || draining) return;
    replies.clear();
    exit->tick(now, wall, replies);
    for (auto& reply : replies) {
        // The SURB names its first hop, and its author, a client, may have written anything there.
        if (may_send_to(reply.first_hop))
            outgoing.push_back({reply.first_hop, std::move(reply.cell)});
        else
            counters.drop(DropReason::misrouted);
    }
}

void Pipeline::Impl::send(Egress& egress) {
    // Shuffle our own loops and replies among the other packets, so that the order within a tick
    // does not distinguish them.
    random.shuffle(outgoing);
    for (auto& packet : outgoing) {
        switch (egress.to_relay(packet.next, std::move(packet.cell))) {
            case SendResult::queued:
                ++counters.packets_out;
                break;
            case SendResult::no_link:
                counters.drop(DropReason::unreachable);
                break;
            case SendResult::queue_full:
                counters.drop(DropReason::overflow);
                break;
        }
    }
    outgoing.clear();
}

Pipeline::Pipeline(base::NodeId self, std::shared_ptr<const directory::Document> document,
                   Keyring& keyring, ExitSessions* exit, base::Random& random, Counters& counters,
                   base::Mono now, PipelineOptions options)
    : impl_{std::make_unique<Impl>(self, std::move(document), keyring, exit, random, counters, now,
                                   options)} {}
Pipeline::~Pipeline() = default;

void Pipeline::use(std::shared_ptr<const directory::Document> document) {
    assert(document);
    impl_->use(std::move(document));
}

void Pipeline::client_connected(const base::MailboxId& client, base::Mono now) {
    impl_->ingress.client_connected(client, now);
    impl_->mailboxes.open(client, now);
}

void Pipeline::client_gone(const base::MailboxId& client) {
    impl_->ingress.client_gone(client);
    impl_->mailboxes.close(client);
}

std::optional<Work> Pipeline::accept(const Origin& from, cell::CellBox cell, base::Mono arrived,
                                     base::Wall wall) {
    assert(cell);
    if (impl_->draining) return {};
    auto& counters = impl_->counters;
    ++counters.packets_in;
    ++(from.relay ? counters.packets_in_relay : counters.packets_in_client);
    auto key = impl_->ingress.admit(from, *cell, arrived, wall);
    if (!key) {
        counters.drop(key.error());
        return {};
    }
    Work work;
    work.cell = std::move(cell);
    work.arrived = arrived;
    work.slept = impl_->slept;
    work.from_client = from.relay == nullptr;
    work.key = std::move(*key);
    return work;
}

void Pipeline::unwrapped(std::span<Work> batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        impl_->prefetch_replay_tag(batch, i + filter_ahead);
        impl_->after_unwrap(batch[i]);
    }
}

void Pipeline::tick(base::Mono now, base::Wall wall, Egress& egress) {
    impl_->release(now);
    impl_->collect_loops(now, wall);
    impl_->collect_replies(now, wall);
    impl_->send(egress);
    impl_->mailboxes.tick(now, egress);
}

base::Mono Pipeline::next_due() const {
    auto due =
        std::min({impl_->mix.next_due(), impl_->cover.next_due(), impl_->mailboxes.next_due()});
    if (impl_->exit && !impl_->draining) due = std::min(due, impl_->exit->next_due());
    return due;
}

void Pipeline::slept(base::Nanoseconds gap) {
    impl_->slept += gap;
    impl_->mix.slept(gap);
}

void Pipeline::drain() {
    impl_->draining = true;
    impl_->cover.stop();
}

std::size_t Pipeline::held() const {
    return impl_->mix.size();
}

std::vector<base::Nanoseconds> Pipeline::take_loop_round_trips() {
    return impl_->cover.take_round_trips();
}

}  // namespace nightjar::relay::core
