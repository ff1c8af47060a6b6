#include "tests/lab/attacks/watched_world.hpp"

#include <utility>

namespace nightjar::lab::attacks {
namespace {

constexpr unsigned mixes_per_layer = 3;
constexpr unsigned gateways = 3;

lab::world::WorldOptions world_options(std::uint64_t seed, double loss,
                                       const directory::Parameters& parameters, bool answer) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.parameters = parameters;
    options.pipeline.answer_withheld = answer;
    options.packets = lab::world::Packets::clear;
    options.mixes_per_layer = mixes_per_layer;
    options.gateways = gateways;
    options.link.loss = loss;
    // A relay gets a million packets in an hour.
    options.replay_packets = 2'000'000;
    return options;
}

}  // namespace

WatchedWorld::WatchedWorld(std::uint64_t seed, unsigned clients, double loss,
                           const directory::Parameters& parameters, bool answer)
    : world_{world_options(seed, loss, parameters, answer)}, since_{world_.now()} {
    for (auto* relay : world_.relays())
        relays_.push_back({relay, {}, {}});
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
    const auto& watch = relay.node->pipeline().loop_watch();
    if (watch.withheld() && !relay.withheld) relay.withheld = now;
    if (watch.missing() && !relay.missing) relay.missing = now;
    relay_alarms_ += watch.withheld() || watch.missing();
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
        relay.withheld.reset();
        relay.missing.reset();
    }
    relay_alarms_ = 0;
    for (auto& client : clients_)
        client.by_count = Watch{client::core::client_loop_law};
}

std::uint64_t WatchedWorld::client_alarms() const {
    std::uint64_t sum = 0;
    for (const auto& client : clients_)
        sum += client.by_count.alarms;
    return sum;
}

}  // namespace nightjar::lab::attacks
