// Simulates a whole network in one process and in virtual time. Pipelines, exit sessions, clients
// and packets are the product's own; links and clocks are simulated. The same seed gives the same
// run on every machine.
//
//   World world{options};                       // the relays run: mixes, and gateways (all exits)
//   auto& client = world.add<ClientNode>(...);  // any Node
//   world.run_for(60s);
//
// Time advances in ticks of 1 ms. A node is stepped in a tick if a cell has woken it or if its
// next_due() has come. Cells arrive between ticks, at the time that their link determines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "relay/core/egress.hpp"
#include "relay/core/pipeline.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/keys.hpp"
#include "tests/lab/world/clear_packet.hpp"
#include "tests/lab/world/peer_table.hpp"
#include "tests/lab/world/servers.hpp"

namespace nightjar::lab::world {

class RelayNode;
class World;

/// The time that a clock counts while true time passes by `elapsed`.
inline base::Nanoseconds drifted(base::Nanoseconds elapsed, double ppm) {
    return elapsed + base::Nanoseconds{static_cast<std::int64_t>(
                         static_cast<double>(elapsed.count()) * ppm * 1e-6)};
}

/// A link. Cells keep their order despite the jitter, as on TCP.
struct LinkModel {
    base::Nanoseconds latency = base::Milliseconds{2};
    base::Nanoseconds jitter{};  // uniform in [0, jitter), added to the latency
    double loss = 0;             // share of cells that are lost
};

/// The default parameters, but a client's first session begins 3 to 4 s after it connects.
inline directory::Parameters world_parameters() {
    directory::Parameters parameters;
    parameters.session_grid = base::Seconds{1};
    return parameters;
}

struct WorldOptions {
    std::uint64_t seed = 1;
    directory::Parameters parameters = world_parameters();
    unsigned layers = 3;
    unsigned mixes_per_layer = 2;
    unsigned gateways = 2;  // each is an exit
    LinkModel link;
    base::Wall start{std::chrono::seconds{1'800'000'300}};  // wall time; 5 min into an epoch
    relay::core::PipelineOptions pipeline;
    std::uint64_t replay_packets = 200'000;  // each filter's size
    bool replay_grows = false;  // a filter begins with a part of that, as the daemon's does
    Packets packets = Packets::real;
    /// Clients' slots come at other moments, and everything else that clients draw stays as it is.
    bool other_moments = false;
};

/// A participant with links. The world steps the nodes in the order in which they were added and
/// hands each node its cells right before its step. During a run, only a node's own step and the
/// World's functions may bring its next_due() forward, and no node may change `up`. A client may
/// connect or disconnect itself in its own step. Between runs everything may change.
class Node {
 public:
    virtual ~Node() = default;
    /// Takes a cell that arrived from node number `from` at `at`, since the last step. Returns true
    /// if the node must be stepped for it. False is only allowed if next_due() has not changed.
    /// Must not add nodes.
    virtual bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) = 0;
    virtual void step(base::Mono now) = 0;
    virtual base::Mono next_due() const = 0;

    /// How far this node's wall clock is ahead of the true time. A change makes the clock jump.
    base::Milliseconds clock_offset{};
    /// How much faster than true time this node's clocks run, in millionths. Set it before the node
    /// reads a clock.
    double clock_ppm = 0;
    /// A node that is down is not stepped, and a cell sent to it finds no link.
    bool up = true;
    /// Its process stands still: the node is not stepped, and its kernel keeps the first
    /// `kernel_keeps` cells that come. The node reads them when it goes on.
    bool frozen = false;
    static constexpr std::size_t kernel_keeps = 200;
    /// The node gets each document so much later than it is made.
    base::Milliseconds document_late{};
    /// The node's index in the order of addition. The world sets it.
    std::uint32_t number = UINT32_MAX;
};

/// A cell that is about to be sent. `World::wire` may change it, as an attacker on the wire could.
/// Valid only during that call, which must not add nodes.
struct OnWire {
    const Peer& from;
    const Peer& to;
    std::size_t from_number;  // Node::number of the two ends
    std::size_t to_number;
    base::Mono sent;
    cell::Cell& cell;
    unsigned copies = 1;            // 0: dropped
    base::Nanoseconds held_back{};  // added to the link's latency
};

class World {
 public:
    static constexpr base::Mono begin{std::chrono::hours{1}};

    explicit World(WorldOptions options);
    ~World();

    // --- time ---
    base::Mono now() const { return now_; }
    base::Wall wall(const Node& node) const;
    void run_for(base::Nanoseconds duration);
    /// Runs until `done()` is true; it is called after each tick. False if `limit` has passed
    /// first.
    bool run_until(const std::function<bool()>& done, base::Nanoseconds limit);

    // --- nodes ---
    /// Ordered by layer 1, 2, 3, then the gateways. Operators run two mixes of one layer, or two
    /// gateways if there are at least four.
    const std::vector<RelayNode*>& relays() const { return relays_; }
    RelayNode& relay(const base::NodeId& identity) const;
    RelayNode& gateway(std::size_t index) const;
    RelayNode& mix(unsigned layer, std::size_t index) const;
    /// Constructs N(world, args...) and adds it under the name `peer`. The world owns it.
    template <class N, class... Args>
    N& add(const Peer& peer, Args&&... args) {
        auto node = std::make_unique<N>(*this, std::forward<Args>(args)...);
        auto& reference = *node;
        attach(peer, std::move(node));
        return reference;
    }
    /// Open or close a client's link to its gateway, on the gateway's side.
    void connect(const base::MailboxId& client, const base::NodeId& gateway);
    void disconnect(const base::MailboxId& client, const base::NodeId& gateway);

    // --- links ---
    relay::core::SendResult send(const Node& from, const Peer& to, cell::CellBox cell);
    relay::core::SendResult send(const Peer& from, const Peer& to, const cell::Cell& cell);
    LinkModel link;
    /// Called for every cell on every link as it is sent. It may change the cell.
    std::function<void(OnWire&)> wire;

    // --- shared knowledge ---
    /// The network document of the epoch that contains `at`.
    std::shared_ptr<const directory::Document> document(base::Wall at);
    const packet::KeyPair& mix_key(const base::NodeId& relay, base::Epoch epoch);
    const WorldOptions& options() const { return options_; }
    /// The targets that exits can reach.
    Servers servers;
    /// Returns a new random source. It is the same in each run of the same seed.
    std::unique_ptr<base::Random> fork_random();
    /// Returns a new seed in the same way.
    std::uint64_t fork_seed() { return random_.u64(); }
    /// Throws std::out_of_range if there is no such node.
    std::size_t number_of(const Peer& peer) const;
    const Peer& peer(std::uint32_t number) const { return peers_[number]; }
    /// The entry of relay `number` in a document of this world. nullptr if it is not a relay.
    const directory::Relay* listed(const directory::Document& document, std::uint32_t number) const;
    /// A buffer that relays share. Each uses it from its first cell until its step, so the buffer
    /// stays in the cache.
    std::vector<relay::core::Work>& spare_work() { return spare_work_; }
    /// The number of cells handed to relays so far, clients' cells included.
    std::uint64_t hops() const { return hops_; }

 private:
    struct Arrival {
        base::Mono at;
        std::uint32_t from;
        std::uint32_t to;
        cell::CellBox cell;
    };

    void attach(const Peer& peer, std::unique_ptr<Node> node);
    void add_relay(directory::Role role, std::uint8_t layer, const std::string& name,
                   const std::string& operator_name);
    std::shared_ptr<const directory::Document> make_document(base::Epoch epoch);
    std::optional<std::uint32_t> find(const Peer& peer) const;
    bool run(const std::function<bool()>& done, base::Mono end);
    void tick(base::Mono at);
    void take_arrivals();
    void fetch_ahead(std::size_t handed) const;
    void handover(Arrival& arrival);
    base::Mono next_event() const;
    void look_at_nodes();
    bool is_up(std::uint32_t number) const;
    void travel(std::uint32_t from, std::uint32_t to, cell::CellBox cell,
                base::Nanoseconds held_back);

    WorldOptions options_;
    base::SeededRandom random_;
    base::Mono now_ = begin;
    std::uint64_t hops_ = 0;
    std::vector<directory::Relay> listed_;   // the relays as listed, without epoch keys
    std::vector<std::size_t> place_listed_;  // each relay's index in a document, by its number
    std::map<std::pair<base::NodeId, base::Epoch>, packet::KeyPair> mix_keys_;
    std::map<base::Epoch, std::shared_ptr<const directory::Document>> documents_;
    std::vector<std::unique_ptr<Node>> nodes_;
    PeerTable peers_;        // the nodes' names
    PeerTable relay_names_;  // only the relays' names: most cells go to relays, so it stays cached
    /// Each node's next_due() after its last step, or min() once a cell has woken it. Calling
    /// next_due() of thousands of nodes in every tick would take longer than all their work.
    std::vector<base::Mono> due_;
    std::vector<char> up_;  // each node's `up` during a run, otherwise empty
    std::vector<RelayNode*> relays_;
    std::unordered_map<std::uint64_t, base::Mono> last_arrival_;  // by both ends' numbers
    bool reordering_ = false;
    /// By the tick in which they are handed over; within a tick in the order of sending.
    std::map<base::Mono, std::vector<Arrival>> on_the_way_;
    std::vector<std::vector<Arrival>> spare_;  // empty vectors, kept to reuse their memory
    // The cells that arrived in this tick, in the order of sending and ordered by target. The
    // vectors are kept to reuse their memory.
    std::vector<Arrival> unsorted_;
    std::vector<Arrival> arrived_;
    std::vector<std::size_t> place_of_next_;
    std::vector<relay::core::Work> spare_work_;
};

}  // namespace nightjar::lab::world
