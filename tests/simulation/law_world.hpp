// One client's law against the exits' law, for days of virtual time: the product's own Core and
// ExitSessions; the mixes between them are sampled delays and losses, and a packet's route and seal
// in clear stand for its bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "client/core.hpp"
#include "relay/counters.hpp"
#include "relay/exit_sessions.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "tests/simulation/servers.hpp"

namespace nightjar::simulation {

struct LawOptions {
    std::uint64_t seed = 1;
    std::uint64_t client_seed = 1;  // what the client draws, apart from everything else
    double loss = 0;                // of packets on their route, each way
    unsigned exits = 3;
    directory::Parameters parameters;
};

class LawWorld {
 public:
    explicit LawWorld(LawOptions options);
    ~LawWorld();

    void run_for(base::Nanoseconds duration);
    base::Mono now() const { return now_; }
    client::Core& core() { return *core_; }

    struct Exit {
        relay::Counters counters;
        base::SeededRandom random{0};
        std::unique_ptr<relay::ExitSessions> sessions;
        std::unique_ptr<ExitHost> host;
        bool silent = false;  // takes nothing and answers nothing
    };
    Exit& exit(std::size_t i) { return *exits_.at(i).second; }
    std::size_t exits() const { return exits_.size(); }
    const base::NodeId& exit_id(std::size_t i) const { return exits_.at(i).first; }
    /// The client's link to its gateway.
    void connect();
    void disconnect();

    Servers servers;
    /// Called for each cell that the client sends, with its session (zero for a loop), and for each
    /// reply that an exit sends.
    std::function<void(base::Mono, const base::SessionId&)> on_slot;
    std::function<void(std::size_t exit, base::Mono)> on_reply;
    /// The SURB that a reply used, by its identifier.
    std::function<void(const base::Identifier&)> on_spent;
    /// Called after every step of the world.
    std::function<void()> application;

    std::uint64_t ticks() const;
    std::uint64_t ticks_missed() const;
    std::size_t stock_max = 0;  // the highest that any session ever had at an exit

 private:
    struct Arrival {
        base::Mono at;
        std::uint64_t sequence;
        int exit;  // -1: at the client's gateway
        std::shared_ptr<cell::Cell> cell;
        bool operator>(const Arrival& other) const {
            return std::pair{at, sequence} > std::pair{other.at, other.sequence};
        }
    };
    void make_document();
    base::Wall wall() const;
    void step_client();
    void step_exits();
    void arrive(const Arrival& arrival);
    void travel(cell::CellBox cell, int exit, base::Nanoseconds delay);

    LawOptions options_;
    base::SeededRandom random_;
    base::SeededRandom client_random_;
    base::Mono now_;
    std::shared_ptr<const directory::Document> document_;
    base::NodeId gateway_;
    std::unique_ptr<client::Core> core_;
    std::vector<std::pair<base::NodeId, std::unique_ptr<Exit>>> exits_;
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> on_the_way_;
    std::uint64_t sequence_ = 0;
    base::Mono down_free_{};  // when the gateway's next cell to the client is not yet taken
    bool linked_ = false;
};

}  // namespace nightjar::simulation
