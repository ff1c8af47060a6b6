#include "tests/lab/attacks/watched_world.hpp"

#include <algorithm>

#include "tests/lab/attacks/withhold_forms.hpp"

namespace nightjar::lab::attacks {
namespace {

constexpr unsigned mixes_per_layer = 3;
constexpr unsigned gateways = 3;
constexpr unsigned relay_loop_links = 4;
constexpr unsigned relay_loop_delays = 3;  // the loop's last hop, the relay itself, adds no delay

lab::world::WorldOptions world_options(std::uint64_t seed, double loss) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.packets = lab::world::Packets::clear;
    options.mixes_per_layer = mixes_per_layer;
    options.gateways = gateways;
    options.link.loss = loss;
    // A relay gets a million packets in an hour.
    options.replay_packets = 2'000'000;
    return options;
}

}  // namespace

WatchedWorld::WatchedWorld(std::uint64_t seed, unsigned clients, double loss)
    : world_{world_options(seed, loss)}, since_{world_.now()} {
    const auto& options = world_.options();
    // Ticks add nothing on average: a packet leaves in the tick nearest to its due time.
    late_after_ = relay_loop_links * options.link.latency +
                  base::from_seconds(base::to_seconds(options.parameters.mean_delay) *
                                     erlang_tail(relay_loop_delays, late_share));
    for (auto* relay : world_.relays())
        relays_.push_back({.node = relay});
    for (unsigned i = 0; i < clients; ++i) {
        const auto mailbox = world_.fork_random()->id<base::MailboxId>();
        clients_.push_back({.node = &world_.add<lab::world::ClientNode>(
                                mailbox, mailbox, world_.gateway(i % gateways).identity())});
    }
}

void WatchedWorld::Watch::poll(std::uint64_t returned, std::uint64_t missed, double now) {
    if (!watch.poll(returned, missed)) return;
    ++alarms;
    if (!first) first = now;
    watch.restart();
}

void WatchedWorld::poll(RelaySeen& relay, double now) {
    const auto& counters = relay.node->counters;
    const auto returned =
        counters.loops_returned - std::exchange(relay.returned, counters.loops_returned);
    const auto lost = counters.loops_lost - std::exchange(relay.lost, counters.loops_lost);
    relay.by_count.poll(returned, lost, now);
    const auto round_trips = relay.node->pipeline().take_loop_round_trips();
    const auto late = static_cast<std::uint64_t>(
        std::count_if(round_trips.begin(), round_trips.end(),
                      [this](base::Nanoseconds took) { return took > late_after_; }));
    relay.by_delay.poll(round_trips.size() - late, late + lost, now);
}

void WatchedWorld::poll(ClientSeen& client, double now) {
    const auto status = client.node->core().status(world_.now());
    client.by_count.poll(
        status.loops_returned - std::exchange(client.returned, status.loops_returned),
        status.loops_lost - std::exchange(client.lost, status.loops_lost), now);
}

void WatchedWorld::run(double seconds) {
    for (double passed = 0; passed < seconds; ++passed) {
        world_.run_for(base::Seconds{1});
        const auto now = base::to_seconds(world_.now() - since_);
        for (auto& relay : relays_)
            poll(relay, now);
        for (auto& client : clients_)
            poll(client, now);
    }
}

void WatchedWorld::forget() {
    since_ = world_.now();
    for (auto& relay : relays_) {
        relay.by_count = Watch{relay::core::relay_loop_law};
        relay.by_delay = Watch{relay::core::relay_loop_law};
    }
    for (auto& client : clients_)
        client.by_count = Watch{client::core::client_loop_law};
}

std::uint64_t WatchedWorld::relay_alarms() const {
    std::uint64_t sum = 0;
    for (const auto& relay : relays_)
        sum += relay.by_count.alarms;
    return sum;
}

std::uint64_t WatchedWorld::relay_late_alarms() const {
    std::uint64_t sum = 0;
    for (const auto& relay : relays_)
        sum += relay.by_delay.alarms;
    return sum;
}

std::uint64_t WatchedWorld::client_alarms() const {
    std::uint64_t sum = 0;
    for (const auto& client : clients_)
        sum += client.by_count.alarms;
    return sum;
}

}  // namespace nightjar::lab::attacks
