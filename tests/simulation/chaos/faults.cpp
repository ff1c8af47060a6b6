// The faults of a ChaosWorld.
#include <algorithm>
#include <cmath>

#include "tests/simulation/chaos/world.hpp"

namespace nightjar::chaos {

using namespace lab::world;
using namespace std::chrono_literals;

void ChaosWorld::one_fault() {
    std::string name;
    switch (random_.below(12)) {
        case 0:
            name = bad_link(Bad::held);
            break;
        case 1:
            name = bad_link(Bad::dropped);
            break;
        case 2:
        case 3:
            name = cut_client();
            break;
        case 4:
            name = freeze_client();
            break;
        case 5:
            name = freeze_relay();
            break;
        case 6:
            name = stop_relay(draw_duration());
            break;
        case 7:
            name = stop_relay(base::from_seconds(60 + 540 * random_.unit()));
            break;
        case 8:
            name = step_clock();
            break;
        case 9:
            name = late_document();
            break;
        case 10:
            name = lossy_network();
            break;
        default:
            name = dead_servers();
            break;
    }
    ++counts_[name];
}

/// From a tenth of a second to 40 s, and every sixth time up to 3 minutes. It ends before calm.
base::Nanoseconds ChaosWorld::draw_duration() {
    const auto seconds =
        random_.below(6) == 0 ? 40 + 140 * random_.unit() : 0.1 * std::pow(400, random_.unit());
    return std::clamp<base::Nanoseconds>(
        base::from_seconds(seconds), 1ms,
        std::max<base::Nanoseconds>(calm_from_ - world_.now(), 1ms));
}

RelayNode& ChaosWorld::any_relay() {
    return *world_.relays()[random_.below(world_.relays().size())];
}

ChaosWorld::Client& ChaosWorld::any_client() {
    return *clients_[random_.below(clients_.size())];
}

/// One direction of one link, between any two nodes.
std::string ChaosWorld::bad_link(Bad how) {
    const auto until = world_.now() + draw_duration();
    if (random_.below(2) == 0) {
        auto& client = any_client();
        Way way{client.node->number, world_.gateway(client.gateway).number};
        if (random_.below(2) == 0) std::swap(way.first, way.second);
        bad_links_[way] = {how, until};
    } else {
        // Most pairs have no link. So all that one relay sends or gets is bad.
        const auto number = any_relay().number;
        const bool sends = random_.below(2) == 0;
        for (const auto* other : world_.relays())
            if (other->number != number)
                bad_links_[sends ? Way{number, other->number} : Way{other->number, number}] = {
                    how, until};
    }
    return how == Bad::held ? "links that stall" : "links that drop";
}

/// When a client can have its link to this gateway again.
base::Mono ChaosWorld::reachable_at(std::size_t gateway) {
    const auto found = down_until_.find(world_.gateway(gateway).number);
    const auto from =
        found == down_until_.end() ? world_.now() : std::max(found->second, world_.now());
    return from + base::from_seconds(0.1 + 5 * random_.unit());
}

void ChaosWorld::cut(Client& client, base::Mono until) {
    client.node->cut(std::max(until, reachable_at(client.gateway)));
    client.up.restart();
    client.down.restart();
}

std::string ChaosWorld::cut_client() {
    cut(any_client(), world_.now() + draw_duration());
    return "clients' links that break";
}

std::string ChaosWorld::freeze_client() {
    auto& client = any_client();
    client.node->frozen = true;
    later(world_.now() + draw_duration(), [this, &client] {
        client.node->frozen = false;
        client.up.restart(world_.now() + 2ms);  // the next tick
    });
    return "clients that stand still";
}

std::string ChaosWorld::freeze_relay() {
    auto& relay = random_.below(2) == 0 ? any_relay() : world_.gateway(any_client().gateway);
    if (down_until_.contains(relay.number)) return "relays already down";
    const auto until = world_.now() + draw_duration();
    down_until_[relay.number] = until;
    relay.frozen = true;
    // No handshake ends before it goes on.
    for (auto& client : clients_)
        if (&world_.gateway(client->gateway) == &relay && !client->node->connected())
            cut(*client, until);
    later(until, [this, &relay] {
        relay.frozen = false;
        down_until_.erase(relay.number);
        for (auto& client : clients_)
            if (&world_.gateway(client->gateway) == &relay) client->down.stalled();
    });
    return "relays that stand still";
}

std::string ChaosWorld::stop_relay(base::Nanoseconds how_long) {
    auto& relay = any_relay();
    if (down_until_.contains(relay.number)) return "relays already down";
    const auto until = std::min(world_.now() + how_long, std::max(calm_from_, world_.now() + 1ms));
    down_until_[relay.number] = until;
    relay.up = false;
    for (auto& client : clients_)
        if (&world_.gateway(client->gateway) == &relay) cut(*client, until);
    later(until, [this, &relay] {
        relay.restart();
        relay.up = true;
        down_until_.erase(relay.number);
    });
    return how_long > 1min ? "relays that are away for long" : "relays that restart";
}

/// Any two clocks stay within the 30 s that the law allows, but that of the client that goes by its
/// gateway's: it may be further off.
std::string ChaosWorld::step_clock() {
    const auto offset = [this](double most) {
        return base::Milliseconds{
            static_cast<std::int64_t>(1000 * most * (2 * random_.unit() - 1))};
    };
    if (random_.below(3) != 0)
        any_relay().clock_offset = offset(13);
    else if (auto& client = any_client(); &client == clients_.front().get())
        client.node->clock_offset = offset(40);
    else
        client.node->clock_offset = offset(13);
    return "clocks that step";
}

std::string ChaosWorld::late_document() {
    const base::Milliseconds late{static_cast<std::int64_t>(1'800'000 * random_.unit())};
    if (random_.below(2) == 0)
        any_relay().document_late = late;
    else
        any_client().node->document_late = late;
    return "documents that come late";
}

std::string ChaosWorld::lossy_network() {
    world_.link.loss = 0.2 * random_.unit();
    later(world_.now() + draw_duration(), [this] { world_.link.loss = 0; });
    return "loss on all links";
}

std::string ChaosWorld::dead_servers() {
    for (auto* relay : world_.relays())
        if (auto* host = relay->exit_host(); host && random_.below(2) == 0)
            host->break_connections();
    return "servers that reset their connections";
}

}  // namespace nightjar::chaos
