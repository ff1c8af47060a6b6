// A network in virtual time in which something fails every minute: clients with applications whose
// bytes are all checked, and a random fault of a list at a random moment of each minute. The last
// five minutes of each run are calm. In the third and the fourth of them everything must hold.
// Then the applications leave their streams.
//
//   ChaosWorld chaos{seed};
//   chaos.run(1h);
//   CHECK(chaos.broken().empty());
//
// The same seed gives the same run.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sphinx/base/random.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"
#include "tests/simulation/chaos/beat.hpp"
#include "tests/simulation/chaos/streams.hpp"

namespace nightjar::chaos {

/// What was found when a run was over and all applications had left.
struct RunEnd {
    std::map<std::string, std::size_t> tables;  // entries of each table, of all relays together
    std::size_t heap = 0;                       // bytes in use; 0 where the allocator does not say
};

class ChaosWorld {
 public:
    /// Most time that an open stream may wait for a byte or an event while a session answers and
    /// the client's loops return.
    static constexpr base::Seconds patience{300};
    /// Most time that a client may be without a session that answers, but for may_be_unready().
    static constexpr base::Seconds ready_within{120};

    explicit ChaosWorld(std::uint64_t seed);

    void run(base::Seconds length);
    /// The rules that did not hold, with their times; the first twenty.
    const std::vector<std::string>& broken() const { return broken_; }
    const std::vector<RunEnd>& ends() const { return ends_; }
    const Outcomes& outcomes() const { return outcomes_; }
    /// How often each fault came, by its name.
    const std::map<std::string, int>& faults() const { return counts_; }
    base::Nanoseconds longest_unready() const { return longest_unready_; }
    std::uint64_t hops() const { return world_.hops(); }
    std::uint64_t slots() const { return slots_; }

 private:
    struct Client {
        lab::world::ClientNode* node = nullptr;
        std::size_t gateway = 0;  // its index
        std::vector<Application> applications;
        Beat up;
        Beat down;
        base::Mono ready_at{};   // when it last was ready, or could not be
        base::Mono silent_at{};  // when no session of it last answered, or no loop returned
        std::uint64_t lost_before = 0;
    };
    enum class Bad { held, dropped };
    struct BadLink {
        Bad how;
        base::Mono until;
    };
    using Way = std::pair<std::size_t, std::size_t>;  // from and to, by Node::number

    void add_client(std::size_t gateway);
    void on_wire(lab::world::OnWire& cell);
    void step();
    /// A gateway is away or has bad links, or two relays are away, perhaps both mixes of a layer. A
    /// client draws few exits in place of silent ones (client/core/session_plan.hpp), so it may
    /// have to wait for one that is away.
    bool may_be_unready() const;
    void check_client(Client& client);
    void check_drops();
    void begin_calm();
    void end_calm();
    void note(const std::string& rule);
    void later(base::Mono at, std::function<void()> what);

    // Faults. Each returns its name.
    void one_fault();
    std::string bad_link(Bad how);
    std::string cut_client();
    std::string freeze_client();
    std::string freeze_relay();
    std::string stop_relay(base::Nanoseconds how_long);
    std::string step_clock();
    std::string late_document();
    std::string lossy_network();
    std::string dead_servers();
    base::Nanoseconds draw_duration();
    lab::world::RelayNode& any_relay();
    Client& any_client();
    base::Mono reachable_at(std::size_t gateway);
    void cut(Client& client, base::Mono until);

    base::SeededRandom random_;
    Outcomes outcomes_;
    std::vector<std::string> broken_;
    Broken note_;
    lab::world::World world_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::map<std::size_t, Client*> by_number_;
    std::multimap<base::Mono, std::function<void()>> later_;
    std::map<Way, BadLink> bad_links_;
    std::map<std::size_t, base::Mono> down_until_;  // relays that are down or frozen, by number
    std::map<std::string, int> counts_;
    std::vector<RunEnd> ends_;
    base::Mono calm_from_ = base::Mono::max();  // no fault may last longer
    bool calm_ = false;                         // everything must hold
    std::array<std::uint64_t, relay::core::drop_reason_count> dropped_{};
    std::uint64_t slots_ = 0;
    base::Nanoseconds longest_unready_{};
};

}  // namespace nightjar::chaos
