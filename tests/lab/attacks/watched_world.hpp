// A network in which relays and clients watch their loops. It is read once a second. Relays watch
// with the product's own object; clients' counts of returned and lost loops are read here.
#pragma once

#include <optional>
#include <vector>

#include "client/core/loop_watch.hpp"
#include "relay/core/cover.hpp"
#include "sphinx/base/loss_watch.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::attacks {

class WatchedWorld {
 public:
    WatchedWorld(std::uint64_t seed, unsigned clients, double loss,
                 const directory::Parameters& parameters = lab::world::world_parameters(),
                 bool answer = true);

    /// Runs the network and polls every second. A watch that has raised an alarm is restarted.
    void run(double seconds);
    lab::world::World& world() { return world_; }
    std::size_t relays() const { return relays_.size(); }
    std::size_t clients() const { return clients_.size(); }
    lab::world::ClientNode& client(std::size_t i) const { return *clients_[i].node; }

    /// Seconds from the last forget() to the first alarm. Empty if there was none.
    using Noticed = std::optional<double>;
    /// The relay found that packets are withheld from it; more of its loops were lost than usual.
    Noticed relay_noticed(std::size_t i) const { return relays_[i].withheld; }
    Noticed relay_missing(std::size_t i) const { return relays_[i].missing; }
    Noticed client_noticed(std::size_t i) const { return clients_[i].by_count.first; }
    /// Seconds, summed over all relays, in which one had an alarm of either kind.
    std::uint64_t relay_alarms() const { return relay_alarms_; }
    std::uint64_t client_alarms() const;
    /// Resets all alarms and sums.
    void forget();

 private:
    struct Watch {
        explicit Watch(const base::LossLaw& law) : watch{law} {}
        void poll(std::uint64_t returned, std::uint64_t missed, double now);

        base::LossWatch watch;
        std::uint64_t alarms = 0;
        Noticed first;
    };
    struct RelaySeen {
        lab::world::RelayNode* node;
        Noticed withheld;
        Noticed missing;
    };
    struct ClientSeen {
        lab::world::ClientNode* node;
        std::uint64_t returned = 0;
        std::uint64_t lost = 0;
        Watch by_count{client::core::client_loop_law};
    };
    void poll(RelaySeen& relay, double now);
    void poll(ClientSeen& client, double now);

    lab::world::World world_;
    base::Mono since_;
    std::vector<RelaySeen> relays_;
    std::uint64_t relay_alarms_ = 0;
    std::vector<ClientSeen> clients_;
};

}  // namespace nightjar::lab::attacks
