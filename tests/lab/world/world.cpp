#include "tests/lab/world/world.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::world {
namespace {

constexpr base::Nanoseconds tick_length = base::Milliseconds{1};

/// A relay's cell is prefetched in two steps (clear_packet.hpp), this many cells ahead.
constexpr std::size_t first_ahead = 16;
constexpr std::size_t rest_ahead = 8;

base::Mono round_up(base::Mono at) {
    const auto count = at.time_since_epoch().count();
    const auto step = tick_length.count();
    return base::Mono{base::Nanoseconds{(count + step - 1) / step * step}};
}

/// Operators run two relays in one position (sphinx/directory/positions.hpp). A client never uses
/// an exit of its gateway's operator, so two or three gateways have an operator each.
std::string operator_of(std::uint8_t layer, unsigned index, unsigned in_position) {
    const bool alone = layer == 0 && in_position < 4;
    return "operator-" + std::to_string(layer) + "-" + std::to_string(alone ? index : index / 2);
}

/// Clients of this machine each have a whole start (relay/core/ingress.hpp).
constexpr base::IpAddress of_this_machine{false, {127, 0, 0, 1}};

}  // namespace

World::World(WorldOptions options)
    : link{options.link}, options_{std::move(options)}, random_{options_.seed} {
    assert(options_.layers >= 1 && options_.layers <= 3);
    for (unsigned layer = 1; layer <= options_.layers; ++layer)
        for (unsigned i = 0; i < options_.mixes_per_layer; ++i)
            add_relay(directory::Role::mix, static_cast<std::uint8_t>(layer),
                      "mix-" + std::to_string(layer) + "-" + std::to_string(i),
                      operator_of(static_cast<std::uint8_t>(layer), i, options_.mixes_per_layer));
    for (unsigned i = 0; i < options_.gateways; ++i)
        add_relay(directory::Role::gateway, 0, "gateway-" + std::to_string(i),
                  operator_of(0, i, options_.gateways));
    // Create the nodes only when the document is complete: each reads it in its constructor.
    const auto listed = listed_;
    std::sort(listed_.begin(), listed_.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    for (const auto& relay : listed) {
        const auto place = std::find_if(listed_.begin(), listed_.end(), [&](const auto& other) {
            return other.identity == relay.identity;
        });
        relay_names_.add(relay.identity);
        place_listed_.push_back(static_cast<std::size_t>(place - listed_.begin()));
        relays_.push_back(&add<RelayNode>(relay.identity, relay.identity, relay.is_exit()));
    }
}

World::~World() = default;

void World::add_relay(directory::Role role, std::uint8_t layer, const std::string& name,
                      const std::string& operator_name) {
    directory::Relay relay;
    relay.identity = random_.id<base::NodeId>();
    relay.role = role;
    relay.layer = layer;
    relay.addresses = {{"127.0.0.1", static_cast<std::uint16_t>(9000 + listed_.size())}};
    relay.link_key = random_.id<base::LinkKey>();
    relay.name = name;
    relay.operator_name = operator_name;
    if (role == directory::Role::gateway) relay.exit_policy = "accept *:*";
    listed_.push_back(std::move(relay));
}

void World::attach(const Peer& peer, std::unique_ptr<Node> node) {
    const bool fresh = peers_.add(peer);
    assert(fresh);
    (void)fresh;
    due_.push_back(node->next_due());
    node->number = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back(std::move(node));
}

std::optional<std::uint32_t> World::find(const Peer& peer) const {
    if (std::holds_alternative<base::NodeId>(peer))
        if (const auto number = relay_names_.find(peer)) return number;
    return peers_.find(peer);
}

std::size_t World::number_of(const Peer& peer) const {
    const auto number = find(peer);
    if (!number) throw std::out_of_range("no such node in this world");
    return *number;
}

const directory::Relay* World::listed(const directory::Document& document,
                                      std::uint32_t number) const {
    return number < place_listed_.size() ? &document.relays[place_listed_[number]] : nullptr;
}

RelayNode& World::relay(const base::NodeId& identity) const {
    for (auto* relay : relays_)
        if (relay->identity() == identity) return *relay;
    throw std::out_of_range("no such relay in this world");
}

RelayNode& World::gateway(std::size_t index) const {
    return *relays_.at(std::size_t{options_.layers} * options_.mixes_per_layer + index);
}

RelayNode& World::mix(unsigned layer, std::size_t index) const {
    assert(layer >= 1 && layer <= options_.layers && index < options_.mixes_per_layer);
    return *relays_.at(std::size_t{layer - 1} * options_.mixes_per_layer + index);
}

void World::connect(const base::MailboxId& client, const base::NodeId& gateway) {
    relay(gateway).pipeline().client_connected(client, of_this_machine, now_);
    due_[number_of(gateway)] = base::Mono::min();
}

void World::disconnect(const base::MailboxId& client, const base::NodeId& gateway) {
    relay(gateway).pipeline().client_gone(client, now_);
}

base::Wall World::wall(const Node& node) const {
    return options_.start + node.clock_offset +
           std::chrono::duration_cast<base::Milliseconds>(drifted(now_ - begin, node.clock_ppm));
}

std::unique_ptr<base::Random> World::fork_random() {
    return std::make_unique<base::SeededRandom>(random_.u64());
}

const packet::KeyPair& World::mix_key(const base::NodeId& relay, base::Epoch epoch) {
    auto& keys = mix_keys_[{relay, epoch}];
    if (keys.public_key.is_zero()) {
        // A key depends only on the seed, the relay and the epoch, not on the order of requests.
        std::uint64_t seed = options_.seed * 1'000'003 + epoch.value;
        for (const auto byte : relay.bytes)
            seed = seed * 257 + byte;
        base::SeededRandom random{seed};
        keys = packet::generate_key_pair(random);
    }
    return keys;
}

std::shared_ptr<const directory::Document> World::document(base::Wall at) {
    const auto epoch = directory::epoch_at(at, options_.parameters.epoch_length);
    auto& document = documents_[epoch];
    if (!document) document = make_document(epoch);
    return document;
}

std::shared_ptr<const directory::Document> World::make_document(base::Epoch epoch) {
    auto document = std::make_shared<directory::Document>();
    document->network = "simulation";
    document->epoch = epoch;
    document->parameters = options_.parameters;
    document->valid_from = directory::epoch_start(epoch, options_.parameters.epoch_length);
    document->valid_until = directory::epoch_start(epoch.next(), options_.parameters.epoch_length);
    document->relays = listed_;
    for (auto& relay : document->relays) {
        relay.mix_key = mix_key(relay.identity, epoch).public_key;
        relay.next_mix_key = mix_key(relay.identity, epoch.next()).public_key;
    }
    return document;
}

relay::core::SendResult World::send(const Peer& from, const Peer& to, const cell::Cell& cell) {
    return send(*nodes_[number_of(from)], to, std::make_unique<cell::Cell>(cell));
}

relay::core::SendResult World::send(const Node& from, const Peer& to, cell::CellBox cell) {
    const auto target = find(to);
    if (!target || !is_up(*target)) return relay::core::SendResult::no_link;
    const auto source = from.number;
    assert(source < nodes_.size());
    unsigned copies = 1;
    base::Nanoseconds held_back{};
    if (wire) {
        OnWire seen{peers_[source], to, source, *target, now_, *cell};
        wire(seen);
        copies = seen.copies;
        held_back = seen.held_back;
    }
    for (; copies > 1; --copies)
        travel(source, *target, std::make_unique<cell::Cell>(*cell), held_back);
    if (copies == 1) travel(source, *target, std::move(cell), held_back);
    return relay::core::SendResult::queued;
}

void World::travel(std::uint32_t from, std::uint32_t to, cell::CellBox cell,
                   base::Nanoseconds held_back) {
    if (link.loss > 0 && random_.unit() < link.loss) return;
    auto at = now_ + link.latency + held_back;
    if (link.jitter.count() > 0)
        at += base::Nanoseconds{static_cast<std::int64_t>(
            random_.below(static_cast<std::uint64_t>(link.jitter.count())))};
    // If all cells take the same time, they keep their order anyway.
    reordering_ = reordering_ || link.jitter.count() > 0 || held_back.count() > 0;
    if (reordering_) {
        auto& last = last_arrival_[std::uint64_t{from} << 32 | to];
        last = at = std::max(at, last);
    }
    auto& bucket = on_the_way_[round_up(at)];
    if (bucket.capacity() == 0 && !spare_.empty()) {
        bucket = std::move(spare_.back());
        spare_.pop_back();
    }
    bucket.push_back({at, from, to, std::move(cell)});
}

void World::run_for(base::Nanoseconds duration) {
    run_until([] { return false; }, duration);
}

bool World::run_until(const std::function<bool()>& done, base::Nanoseconds limit) {
    look_at_nodes();
    const auto reached = run(done, now_ + limit);
    up_.clear();
    return reached;
}

bool World::run(const std::function<bool()>& done, base::Mono end) {
    for (;;) {
        const auto next = next_event();
        const auto at =
            next == base::Mono::max() ? next : round_up(std::max(next, now_ + tick_length));
        if (at > end) break;
        tick(at);
        if (done()) return true;
    }
    now_ = end;
    return done();
}

base::Mono World::next_event() const {
    auto next = base::Mono::max();
    if (!on_the_way_.empty()) next = on_the_way_.begin()->first;
    for (const auto due : due_)
        next = std::min(next, due);
    return next;
}

void World::look_at_nodes() {
    up_.resize(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        due_[i] = nodes_[i]->next_due();
        up_[i] = nodes_[i]->up;
    }
}

/// Reads the copy in `up_`, because the node itself is usually not in the cache.
bool World::is_up(std::uint32_t number) const {
    return number < up_.size() ? up_[number] != 0 : nodes_[number]->up;
}

void World::tick(base::Mono at) {
    now_ = at;
    take_arrivals();
    std::size_t handed = 0;
    // Loop by index, because a step may add nodes.
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        // A node gets its cells right before its step, when it is loaded into the cache anyway.
        for (; handed < arrived_.size() && arrived_[handed].to == i; ++handed) {
            fetch_ahead(handed);
            handover(arrived_[handed]);
        }
        if (due_[i] > now_) continue;
        auto& node = *nodes_[i];
        if (node.up) node.step(now_);
        due_[i] = node.up ? node.next_due() : base::Mono::max();
    }
}

/// Collects the cells that have arrived by now: node by node, each node's in the order of arrival.
void World::take_arrivals() {
    arrived_.clear();
    while (!on_the_way_.empty() && on_the_way_.begin()->first <= now_) {
        auto bucket = std::move(on_the_way_.begin()->second);
        on_the_way_.erase(on_the_way_.begin());
        const auto earlier = [](const Arrival& a, const Arrival& b) { return a.at < b.at; };
        if (!std::is_sorted(bucket.begin(), bucket.end(), earlier))
            std::stable_sort(bucket.begin(), bucket.end(), earlier);
        std::move(bucket.begin(), bucket.end(), std::back_inserter(unsorted_));
        bucket.clear();
        spare_.push_back(std::move(bucket));
    }
    arrived_.resize(unsorted_.size());
    if (unsorted_.empty()) return;
    // Counting sort by target: every tick has thousands of cells for thousands of nodes.
    place_of_next_.assign(nodes_.size() + 1, 0);
    for (const auto& arrival : unsorted_)
        ++place_of_next_[arrival.to + 1];
    for (std::size_t i = 1; i < place_of_next_.size(); ++i)
        place_of_next_[i] += place_of_next_[i - 1];
    for (auto& arrival : unsorted_)
        arrived_[place_of_next_[arrival.to]++] = std::move(arrival);
    unsorted_.clear();
}

void World::fetch_ahead(std::size_t handed) const {
    const auto to_relay = [this](std::size_t i) {
        return i < arrived_.size() && arrived_[i].to < relays_.size();
    };
    if (to_relay(handed + first_ahead)) fetch_first(*arrived_[handed + first_ahead].cell);
    if (to_relay(handed + rest_ahead)) fetch_rest(*arrived_[handed + rest_ahead].cell);
}

void World::handover(Arrival& arrival) {
    auto& target = *nodes_[arrival.to];
    assert(target.up == is_up(arrival.to));
    if (!target.up) return;
    if (arrival.to < relays_.size()) ++hops_;
    if (target.receive(arrival.from, std::move(arrival.cell), arrival.at))
        due_[arrival.to] = base::Mono::min();
}

}  // namespace nightjar::lab::world
