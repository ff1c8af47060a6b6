#include "relay/authority/looper.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "relay/authority/prober.hpp"
#include "sphinx/directory/key_times.hpp"
#include "sphinx/directory/route.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::relay::authority {

namespace asio = boost::asio;

namespace {

/// As a client does: a slot that this machine slept through is not made up for.
constexpr base::Milliseconds late_most{25};

struct OnTheWay {
    core::LoopLosses::Way way;
    packet::SurbKeys recovery;
    bool returned = false;
};

}  // namespace

/// The loops over one link.
class Looper::Turn final : public node::link::Link::Sink {
 public:
    Turn(DocumentRef document, const directory::Relay& gateway, base::MailboxId self,
         base::Random& random)
        : document_{std::move(document)}, gateway_{gateway}, self_{self}, random_{random} {
        // As a client: it draws when its packets change to the next epoch's keys.
        const auto times = directory::KeyTimes::of(document_->parameters.epoch_length);
        const auto choices =
            static_cast<std::uint64_t>((times.made_for_next_max - times.made_for_next_min).count());
        early_ = times.made_for_next_min +
                 base::Milliseconds{static_cast<std::int64_t>(random_.below(choices + 1))};
    }

    /// The next loop; nullptr if there is no route, or no key for it.
    cell::CellBox make(base::Wall now) {
        const auto& law = document_->parameters;
        const auto epoch = directory::epoch_at(now + early_, law.epoch_length);
        const auto route = directory::forward_route(*document_, gateway_, gateway_, {}, random_);
        if (!route) return nullptr;
        OnTheWay loop;
        std::vector<packet::Hop> hops;
        for (const auto* relay : *route) {
            const auto* key = document_->mix_key(*relay, epoch);
            if (key == nullptr) return nullptr;
            const bool last = hops.size() + 1 == route->size();
            const auto delay = last ? base::Nanoseconds{} : law.draw_delay(random_);
            hops.push_back({relay->identity, *key, static_cast<std::uint64_t>(delay.count())});
            loop.way.push_back(relay->identity);
        }
        auto identifier = random_.id<base::SurbId>();
        while (identifier.is_zero())
            identifier = random_.id<base::SurbId>();
        auto surb = packet::make_surb(hops, base::Destination{self_.bytes}, identifier,
                                      packet::HeaderRandomness::draw(random_));
        if (!surb) return nullptr;
        auto cell = cell::Cell::boxed_packet(epoch.low_byte());
        if (!packet::use_surb(surb->surb, {}, cell->body())) return nullptr;
        loop.recovery = std::move(surb->recovery);
        loops_.emplace(identifier, std::move(loop));
        last_ = identifier;
        return cell;
    }
    /// The loop that was made last is not sent.
    void take_back() { loops_.erase(last_); }
    void on_cell(node::link::Link&, cell::CellBox cell) override {
        if (cell->kind() != cell::Kind::packet) return;
        const auto body = cell->body();
        const auto id = base::SurbId::from(body.first(base::SurbId::size()));
        const auto found = loops_.find(*id);
        if (found == loops_.end() || found->second.returned) return;
        // What comes back changed is as good as lost.
        const auto payload = body.subspan(base::SurbId::size(), packet::payload_size);
        found->second.returned = bool{packet::recover(found->second.recovery, payload)};
    }
    void report(core::LoopLosses& losses) const {
        for (const auto& [id, loop] : loops_)
            losses.record(loop.way, loop.returned);
    }

    bool ended = false;  // the link

 private:
    DocumentRef document_;
    const directory::Relay& gateway_;
    base::MailboxId self_;
    base::Random& random_;
    base::Milliseconds early_{};
    std::map<base::SurbId, OnTheWay> loops_;
    base::SurbId last_;
};

/// Until the link ends. It holds what the link needs.
asio::awaitable<void> Looper::receive(std::shared_ptr<node::link::Link> link,
                                      std::shared_ptr<Turn> turn,
                                      std::shared_ptr<node::link::TlsIdentity>) {
    co_await link->run(*turn);
    turn->ended = true;
}

Looper::Looper(core::LoopLosses& losses, Options options)
    : losses_{losses}, options_{std::move(options)} {}

void Looper::start(node::process::TaskGroup& tasks) {
    tasks_ = &tasks;
    tasks.spawn("loops", run());
}

asio::awaitable<void> Looper::pause(base::Nanoseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);  // cancelled: it throws, and all ends
}

asio::awaitable<void> Looper::run() {
    for (;;) {
        // At a random moment, so that authorities do not sweep together.
        const auto most = static_cast<std::uint64_t>(base::Milliseconds{options_.period}.count());
        const base::Milliseconds begins{static_cast<std::int64_t>(random_.below(most / 4 + 1))};
        co_await pause(begins);
        const auto begun = node::process::mono_now();
        co_await sweep();
        const auto took = node::process::mono_now() - begun;
        if (took + begins < options_.period) co_await pause(options_.period - took - begins);
    }
}

asio::awaitable<void> Looper::sweep() {
    const auto document = options_.document();
    if (!document) co_return;
    losses_.begin_sweep();
    for (const auto& planned : core::plan_sweep(*document, random_))
        co_await take_turn(planned);
    const auto newest = options_.document();  // it may have changed meanwhile
    co_await options_.swept(newest ? newest : document);
}

asio::awaitable<std::unique_ptr<node::link::Link>> Looper::dial(const directory::Relay& gateway,
                                                                node::link::TlsIdentity& identity) {
    const cell::Hello mine{cell::protocol_version, options_.network, cell::LinkRole::client};
    for (const auto& address : dialable(gateway.addresses, options_.lab)) {
        auto link =
            co_await node::link::dial(address, identity, gateway.link_key, mine, options_.limits);
        if (link) co_return *std::move(link);
    }
    co_return nullptr;
}

/// If the gateway cannot be reached, or closes the link, its turn shows nothing about other relays.
/// So nothing of it counts.
asio::awaitable<void> Looper::take_turn(core::LoopTurn planned) {
    const auto document = options_.document();  // it may be a newer one by now
    const auto* gateway = document ? document->find(planned.gateway) : nullptr;
    if (gateway == nullptr) co_return;
    const auto identity = std::make_shared<node::link::TlsIdentity>(fresh_seed());
    auto dialled = co_await dial(*gateway, *identity);
    if (!dialled) co_return;
    const std::shared_ptr<node::link::Link> link = std::move(dialled);
    const auto turn =
        std::make_shared<Turn>(document, *gateway, base::MailboxId{identity->key().bytes}, random_);
    const auto receives = tasks_->spawn("loops of a link", receive(link, turn, identity));
    const auto& law = document->parameters;
    const auto gap = directory::Rate{law.main_slots.milli + law.client_loops.milli}.mean_gap();
    auto next = node::process::mono_now();
    for (std::size_t i = 0; i < planned.loops && !turn->ended; ++i, next += gap) {
        const auto due = next + std::chrono::duration_cast<base::Nanoseconds>(
                                    gap * directory::place_in_gap(random_.unit()));
        const auto now = node::process::mono_now();
        if (now < due) co_await pause(due - now);
        if (node::process::mono_now() > due + late_most) continue;
        auto cell = turn->make(options_.now());
        if (cell && !link->send(std::move(cell))) turn->take_back();
    }
    co_await pause(law.longest_route_delay() + base::Seconds{1});
    if (!turn->ended) turn->report(losses_);
    link->close();
    tasks_->cancel(receives);
}

}  // namespace nightjar::relay::authority
