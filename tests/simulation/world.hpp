// A whole network in one process, in virtual time, from one seed: the product's own pipelines,
// exit sessions and clients, real packets, our own links and clocks. The same seed gives the same
// run on every machine.
//
//   World world{options};                    // layers x mixes and gateways (all exits), running
//   auto& client = world.add<ClientNode>(...);  // anything that is a Node
//   world.run_for(60s);
//
// Time advances in ticks of 1 ms; a node is stepped in a tick if a cell has woken it or its
// next_due() has come. Cells arrive between ticks, at the instant that their link gives them.
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

#include "relay/egress.hpp"
#include "relay/pipeline.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/keys.hpp"
#include "tests/simulation/clear_packet.hpp"
#include "tests/simulation/peer_table.hpp"
#include "tests/simulation/servers.hpp"

namespace nightjar::simulation {

class RelayNode;
class World;

/// Cells keep their order on a link whatever the jitter, as on TCP.
struct LinkModel {
    base::Nanoseconds latency = base::Milliseconds{2};
    base::Nanoseconds jitter{};  // uniform, on top
    double loss = 0;             // share of cells
};

struct WorldOptions {
    std::uint64_t seed = 1;
    directory::Parameters parameters;
    unsigned layers = 3;
    unsigned mixes_per_layer = 2;
    unsigned gateways = 2;  // each is an exit
    LinkModel link;
    base::Wall start{std::chrono::seconds{1'800'000'300}};  // true wall time; 5 min into an epoch
    relay::PipelineOptions pipeline;
    std::uint64_t replay_packets = 200'000;  // each filter's size
    Packets packets = Packets::real;
};

/// Something with links. Steps are given in the order in which nodes were added, and each node's
/// cells right before its own. Within a run only a node's own step, and what World offers, may
/// bring its next_due() forward, and none changes who is up or connected; between runs anything
/// may.
class Node {
 public:
    virtual ~Node() = default;
    /// A cell from node number `from` reached this node at `at`, since the last step. True if it is
    /// to be stepped for that; false if its next_due() has not moved either. Adds no node.
    virtual bool receive(std::uint32_t from, cell::CellBox cell, base::Mono at) = 0;
    virtual void step(base::Mono now) = 0;
    virtual base::Mono next_due() const = 0;

    /// How far this node's wall clock is ahead of the true one. Changing it is a clock's jump.
    base::Milliseconds clock_offset{};
    /// A node that is down is not stepped, and cells sent to it find no link.
    bool up = true;
    /// Of all nodes, in the order in which they were added; set by the world.
    std::uint32_t number = UINT32_MAX;
};

/// A cell about to travel; `World::wire` may change it on its way (an attacker's hands). Valid
/// during that call, which adds no node.
struct OnWire {
    const Peer& from;
    const Peer& to;
    std::size_t from_number;  // of nodes, in the order in which they were added
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
    /// Runs until `done()` holds, asked after each tick; false if `limit` passed without it.
    bool run_until(const std::function<bool()>& done, base::Nanoseconds limit);

    // --- nodes ---
    /// In the order: layer 1, 2, 3, gateways.
    const std::vector<RelayNode*>& relays() const { return relays_; }
    RelayNode& relay(const base::NodeId& identity) const;
    RelayNode& gateway(std::size_t index) const;
    RelayNode& mix(unsigned layer, std::size_t index) const;
    /// N(world, args...), known under `peer`; the world owns it.
    template <class N, class... Args>
    N& add(const Peer& peer, Args&&... args) {
        auto node = std::make_unique<N>(*this, std::forward<Args>(args)...);
        auto& reference = *node;
        attach(peer, std::move(node));
        return reference;
    }
    /// A client's link to its gateway opens or ends, on the gateway's side.
    void connect(const base::MailboxId& client, const base::NodeId& gateway);
    void disconnect(const base::MailboxId& client, const base::NodeId& gateway);

    // --- links ---
    relay::Sent send(const Node& from, const Peer& to, cell::CellBox cell);
    relay::Sent send(const Peer& from, const Peer& to, const cell::Cell& cell);
    LinkModel link;
    /// Sees, and may change, every cell of every link as it is sent.
    std::function<void(OnWire&)> wire;

    // --- what everyone knows ---
    /// The network's document of the epoch that `at` lies in.
    std::shared_ptr<const directory::Document> document(base::Wall at);
    const packet::KeyPair& mix_key(const base::NodeId& relay, base::Epoch epoch);
    const WorldOptions& options() const { return options_; }
    /// The targets that exits can reach.
    Servers servers;
    /// A random source of its own for whoever asks, the same in each run.
    std::unique_ptr<base::Random> fork_random();
    /// The same for a sealer, which takes a number.
    std::uint64_t fork_seed() { return random_.u64(); }
    /// Throws std::out_of_range if there is no such node.
    std::size_t number_of(const Peer& peer) const;
    const Peer& peer(std::uint32_t number) const { return peers_[number]; }
    /// A relay by its number, as a document of this world lists it; nullptr: that is no relay.
    const directory::Relay* listed(const directory::Document& document, std::uint32_t number) const;
    /// Lent to a relay between its cells and its step: what it keeps of them lies in the cache
    /// then.
    std::vector<relay::Work>& spare_work() { return spare_work_; }
    /// Cells handed to the relays so far, those of clients among them.
    std::uint64_t hops() const { return hops_; }

 private:
    struct Arrival {
        base::Mono at;
        std::uint32_t from;
        std::uint32_t to;
        cell::CellBox cell;
    };

    void attach(const Peer& peer, std::unique_ptr<Node> node);
    void add_relay(directory::Role role, std::uint8_t layer, const std::string& name);
    std::shared_ptr<const directory::Document> make_document(base::Epoch epoch);
    std::optional<std::uint32_t> find(const Peer& peer) const;
    bool run(const std::function<bool()>& done, base::Mono end);
    void tick(base::Mono at);
    void take_arrivals();
    void fetch_ahead(std::size_t handed) const;
    void hand_over(Arrival& arrival);
    base::Mono next_event() const;
    void look_at_nodes();
    bool is_up(std::uint32_t number) const;
    void travel(std::uint32_t from, std::uint32_t to, cell::CellBox cell,
                base::Nanoseconds held_back);

    WorldOptions options_;
    base::SeededRandom random_;
    base::Mono now_ = begin;
    std::uint64_t hops_ = 0;
    std::vector<directory::Relay> listed_;   // without keys of an epoch
    std::vector<std::size_t> place_listed_;  // of each relay, by its number
    std::map<std::pair<base::NodeId, base::Epoch>, packet::KeyPair> mix_keys_;
    std::map<base::Epoch, std::shared_ptr<const directory::Document>> documents_;
    std::vector<std::unique_ptr<Node>> nodes_;
    PeerTable peers_;        // their names
    PeerTable relay_names_;  // of the relays alone, which most cells go to: it stays in the cache
    /// Each node's next_due() after its last step, min() once a cell has woken it: asking
    /// thousands of nodes in every tick takes longer than all that they do.
    std::vector<base::Mono> due_;
    std::vector<char> up_;  // each node's `up` while a run lasts, otherwise empty
    std::vector<RelayNode*> relays_;
    std::unordered_map<std::uint64_t, base::Mono> last_arrival_;  // by both ends' numbers
    bool reordering_ = false;
    /// By the tick in which they are handed over; in each in the order of sending.
    std::map<base::Mono, std::vector<Arrival>> on_the_way_;
    std::vector<std::vector<Arrival>> spare_;  // emptied, kept for their memory
    // What has arrived in this tick, by sending and by target; kept for their memory as well.
    std::vector<Arrival> unsorted_;
    std::vector<Arrival> arrived_;
    std::vector<std::size_t> place_of_next_;
    std::vector<relay::Work> spare_work_;
};

}  // namespace nightjar::simulation
