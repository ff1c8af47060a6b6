#include "tests/simulation/chaos/world.hpp"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace nightjar::chaos {

using namespace lab::world;
using namespace std::chrono_literals;

namespace {

constexpr unsigned gateways = 4;
constexpr std::size_t clients = 3;
constexpr std::size_t applications_each = 3;

/// A rate at which hours pass quickly: 10 slots and 9 replies a second.
WorldOptions options_of(std::uint64_t seed) {
    WorldOptions options;
    options.seed = seed;
    options.packets = Packets::clear;
    options.gateways = gateways;
    options.replay_packets = 400'000;
    auto& law = options.parameters;
    law.main_slots = {10'000};
    law.client_loops = {1'000};
    law.replies = {9'000};
    law.down = {14'500};
    law.relay_loops = {1'000};
    law.session_lifetime = base::Seconds{1200};
    return options;
}

/// Faults may cost packets, for reasons that fit. A loop that returns too late, or to a relay that
/// has started again, counts as misrouted. A packet that was held up may find its key gone when an
/// epoch has just ended. Nothing here sends a packet twice.
bool fits_faults(relay::core::DropReason reason, base::Nanoseconds since_epoch_began) {
    using enum relay::core::DropReason;
    return reason != replayed && (reason != malformed || since_epoch_began < 60s);
}

std::size_t heap_in_use() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;  // large blocks are maps of their own, or are not
}

}  // namespace

ChaosWorld::ChaosWorld(std::uint64_t seed)
    : random_{seed},
      note_{[this](const std::string& rule) { note(rule); }},
      world_{options_of(seed)} {
    world_.servers.add("checked.example", 7, [this] { return checked_server(note_); });
    for (std::size_t i = 0; i < clients; ++i)
        add_client(i % 2);
    world_.wire = [this](OnWire& cell) { on_wire(cell); };
}

void ChaosWorld::add_client(std::size_t gateway) {
    const auto& law = world_.options().parameters;
    const auto up = directory::Rate{law.main_slots.milli + law.client_loops.milli}.mean_gap();
    // A slot is near the middle of its gap. The world's clock has ticks of 1 ms.
    const auto near = base::from_seconds(base::to_seconds(up) * directory::jitter_share) + 1ms;
    auto client = std::make_unique<Client>(
        Client{nullptr, gateway, {}, Beat{up, near}, Beat{law.down.mean_gap(), 1ms}, {}, {}, 0});
    base::MailboxId mailbox;
    mailbox.bytes.fill(static_cast<std::uint8_t>(0xc0 + clients_.size()));
    ClientLife life;
    life.clock_synchronised = clients_.size() != 0;  // the first one goes by its gateway's clock
    client->node =
        &world_.add<ClientNode>(mailbox, mailbox, world_.gateway(gateway).identity(), life);
    client->ready_at = world_.now();
    for (std::size_t i = 0; i < applications_each; ++i)
        client->applications.emplace_back(random_.u64(), outcomes_, note_);
    client->node->application = [owner = client.get(), this](client::core::Core& core, base::Mono) {
        for (const auto& event : core.take_events())
            for (auto& application : owner->applications)
                application.on(event, core, world_.now());
        for (auto& application : owner->applications)
            application.step(core, world_.now());
    };
    by_number_[client->node->number] = client.get();
    clients_.push_back(std::move(client));
}

void ChaosWorld::note(const std::string& rule) {
    if (broken_.size() == 20) return;
    const auto seconds = base::to_seconds(world_.now() - World::begin);
    broken_.push_back("at " + std::to_string(seconds) + " s: " + rule);
}

void ChaosWorld::later(base::Mono at, std::function<void()> what) {
    // At a tick, so that the world's next tick is not late.
    later_.emplace(base::Mono{std::chrono::ceil<base::Milliseconds>(at.time_since_epoch())},
                   std::move(what));
}

// --- what must hold ---

void ChaosWorld::on_wire(OnWire& cell) {
    // First the law, at the moment at which the sender sends.
    if (const auto from = by_number_.find(cell.from_number); from != by_number_.end()) {
        ++slots_;
        if (!from->second->up.cell(cell.sent)) note("a client's cell off its slot");
    }
    if (const auto to = by_number_.find(cell.to_number); to != by_number_.end())
        if (!to->second->down.cell(cell.sent)) note("a gateway's cell off its slot");
    const auto bad = bad_links_.find({cell.from_number, cell.to_number});
    if (bad == bad_links_.end() || bad->second.until <= cell.sent) return;
    if (bad->second.how == Bad::dropped)
        cell.copies = 0;
    else
        cell.held_back = bad->second.until - cell.sent;
}

bool ChaosWorld::may_be_unready() const {
    const auto is_gateway = [first = world_.gateway(0).number](std::size_t number) {
        return number >= first && number < first + gateways;
    };
    return down_until_.size() > 1 ||
           std::ranges::any_of(down_until_,
                               [&](const auto& relay) { return is_gateway(relay.first); }) ||
           std::ranges::any_of(bad_links_, [&](const auto& bad) {
               return is_gateway(bad.first.first) || is_gateway(bad.first.second);
           });
}

void ChaosWorld::check_client(Client& client) {
    auto& node = *client.node;
    if (!node.connected() || node.frozen) {
        client.ready_at = client.silent_at = world_.now();
        return;
    }
    const auto status = node.core().status(world_.now());
    const bool answered = std::ranges::any_of(
        status.sessions, [](const auto& session) { return session.ready && !session.silent; });
    // Time in which no loop returns counts against no session (client/core/loop_watch.hpp).
    if (!answered || status.loops.kind == client::core::LoopState::Kind::silent)
        client.silent_at = world_.now();
    if (answered || may_be_unready()) client.ready_at = world_.now();
    longest_unready_ = std::max(longest_unready_, world_.now() - client.ready_at);
    if (world_.now() - client.ready_at > ready_within) {
        note("a client has no session that answers");
        client.ready_at = world_.now();
    }
    for (auto& application : client.applications) {
        const auto progress = application.last_progress();
        if (!progress) continue;
        const auto waited = world_.now() - std::max(*progress, client.silent_at);
        if (waited >= patience && waited < patience + 1s) note("a stream hangs");
    }
    if (!calm_) return;
    double pace = 0;
    for (const auto& session : status.sessions) {
        pace += session.pace;
        if (session.silent) note("a session is silent in calm");
    }
    const auto law = world_.options().parameters.replies.per_second();
    if (std::abs(pace - law) > 1e-6) note("the paces are not R in calm");
}

void ChaosWorld::check_drops() {
    decltype(dropped_) dropped{};
    for (const auto* relay : world_.relays())
        for (std::size_t i = 0; i < dropped.size(); ++i)
            dropped[i] += relay->counters.dropped[i];
    const auto length = world_.options().parameters.epoch_length;
    const auto wall = world_.options().start + (world_.now() - World::begin);
    const auto into_epoch = wall.time_since_epoch() % length;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
        if (dropped[i] == dropped_[i]) continue;
        if (calm_ || !fits_faults(static_cast<relay::core::DropReason>(i), into_epoch))
            note(std::string{"a relay dropped a packet: "} + relay::core::drop_reason_names[i]);
    }
    dropped_ = dropped;
}

void ChaosWorld::step() {
    while (!later_.empty() && later_.begin()->first <= world_.now()) {
        const auto what = std::move(later_.begin()->second);
        later_.erase(later_.begin());
        what();
    }
    auto next = world_.now() + 1s;
    if (!later_.empty()) next = std::min<base::Mono>(next, later_.begin()->first);
    world_.run_for(next - world_.now());
    std::erase_if(bad_links_, [&](const auto& bad) { return bad.second.until <= world_.now(); });
    for (auto* relay : world_.relays())
        relay->pipeline().take_loop_round_trips();
    for (auto& client : clients_)
        check_client(*client);
    check_drops();
}

void ChaosWorld::run(base::Seconds length) {
    const auto begin = world_.now();
    calm_from_ = begin + length - 5min;
    for (auto minute = begin; minute < calm_from_; minute += 1min)
        later(minute + base::from_seconds(30 * random_.unit()), [this] { one_fault(); });
    later(begin + length - 3min, [this] { begin_calm(); });
    later(begin + length - 1min, [this] { end_calm(); });
    // What the last streams leave behind ends within a minute.
    later(begin + length - 1s, [this] {
        RunEnd end;
        base::Holdings holdings;
        for (auto* relay : world_.relays())
            relay->pipeline().list_holdings(holdings);
        for (const auto& holding : holdings)
            end.tables[std::string{holding.table}] += holding.entries;
        end.heap = heap_in_use();
        ends_.push_back(std::move(end));
    });
    while (world_.now() < begin + length)
        step();
    for (auto& client : clients_)
        for (auto& application : client->applications)
            application.pause(false);
}

void ChaosWorld::begin_calm() {
    calm_ = true;
    for (auto& client : clients_) {
        client->lost_before = client->node->core().status(world_.now()).slots_lost;
        client->up.missing = client->down.missing = 0;
    }
}

void ChaosWorld::end_calm() {
    for (auto& client : clients_) {
        if (client->up.missing > 0) note("a client's slot was empty in calm");
        if (client->down.missing > 0) note("a slot of a downlink was empty in calm");
        if (client->node->core().status(world_.now()).slots_lost != client->lost_before)
            note("a client lost a slot in calm");
        for (auto& application : client->applications)
            application.pause(true);
    }
    calm_ = false;
}

}  // namespace nightjar::chaos
