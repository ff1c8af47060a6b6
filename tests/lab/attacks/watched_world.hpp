// A network in which relays and clients watch their loops, once a second: by the product's counts
// of returned and lost loops and, for relays, also by the loops' times.
#pragma once

#include <optional>
#include <vector>

#include "client/core/loop_watch.hpp"
#include "relay/core/cover.hpp"
#include "sphinx/base/loss_watch.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::attacks {

/// The slowest loops, this share of them, also count as missed. Otherwise an attacker could
/// withhold packets for a second without a lost loop.
inline constexpr double late_share = 0.01;

class WatchedWorld {
 public:
    WatchedWorld(std::uint64_t seed, unsigned clients, double loss);

    /// Runs the network and polls every second. A watch that has raised an alarm is restarted.
    void run(double seconds);
    lab::world::World& world() { return world_; }
    std::size_t relays() const { return relays_.size(); }
    std::size_t clients() const { return clients_.size(); }
    lab::world::ClientNode& client(std::size_t i) const { return *clients_[i].node; }

    /// Seconds from the last forget() to the first alarm. Empty if there was none.
    using Noticed = std::optional<double>;
    Noticed relay_noticed(std::size_t i) const { return relays_[i].by_count.first; }
    Noticed relay_noticed_late(std::size_t i) const { return relays_[i].by_delay.first; }
    Noticed client_noticed(std::size_t i) const { return clients_[i].by_count.first; }
    std::uint64_t relay_alarms() const;
    std::uint64_t relay_late_alarms() const;
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
        std::uint64_t returned = 0;
        std::uint64_t lost = 0;
        Watch by_count{relay::core::relay_loop_law};
        Watch by_delay{relay::core::relay_loop_law};
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
    base::Nanoseconds late_after_;
    std::vector<RelaySeen> relays_;
    std::vector<ClientSeen> clients_;
};

}  // namespace nightjar::lab::attacks
