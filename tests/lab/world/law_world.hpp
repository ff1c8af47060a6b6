// Runs the traffic law of one client and of its exits over days of virtual time. Core, ExitSessions
// and the gateway's Mailboxes are the product's own. The mixes between them are replaced by sampled
// delays and losses, and packets are in clear.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "client/core/core.hpp"
#include "relay/core/counters.hpp"
#include "relay/core/egress.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/core/mailbox.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "tests/lab/world/servers.hpp"
#include "tests/lab/world/world.hpp"

namespace nightjar::lab::world {

struct LawOptions {
    std::uint64_t seed = 1;
    std::uint64_t client_seed = 1;  // for the client's own random draws
    double loss = 0;                // share of packets lost on their route, in each direction
    base::Nanoseconds moved{};      // each delivery reaches the client up to so much later
    std::uint64_t moved_seed = 1;   // for these times alone
    unsigned exits = 3;
    directory::Parameters parameters = world_parameters();
};

class LawWorld final : relay::core::Egress {
 public:
    explicit LawWorld(LawOptions options);
    ~LawWorld() override;

    void run_for(base::Nanoseconds duration);
    base::Mono now() const { return now_; }
    client::core::Core& core() { return *core_; }

    struct Exit {
        relay::core::Counters counters;
        base::SeededRandom random{0};
        std::unique_ptr<relay::core::ExitSessions> sessions;
        std::unique_ptr<ExitHost> host;
        bool silent = false;  // drops all packets and sends no replies
    };
    Exit& exit(std::size_t i) { return *exits_.at(i).second; }
    std::size_t exits() const { return exits_.size(); }
    const base::NodeId& exit_id(std::size_t i) const { return exits_.at(i).first; }
    /// Bring the client's link to its gateway up or down.
    void connect();
    void disconnect();
    /// Stops the client's process, as a suspend does; its link stays up. Of the cells that come
    /// meanwhile the kernel keeps the first `kernel_keeps`. The client reads them when it wakes up.
    void freeze();
    void thaw();

    Servers servers;
    /// Called for each cell that the client sends, with its session (zero for a loop).
    std::function<void(base::Mono, const base::SessionId&)> on_slot;
    /// Called for each message of the client to an exit, in the order of slots.
    std::function<void(base::ByteView)> on_message;
    /// Called for each reply that an exit sends.
    std::function<void(std::size_t exit, base::Mono)> on_reply;
    /// Called for each reply with the identifier of the SURB that it used.
    std::function<void(const base::SurbId&)> on_spent;
    /// What an exit reads: called for each message of a client as it arrives at its exit, and for
    /// each message that an exit sends back.
    std::function<void(base::Mono, base::ByteView)> exit_reads;
    std::function<void(base::Mono, base::ByteView)> exit_answers;
    /// Called after every step of the world.
    std::function<void()> application;
    /// An attacker on the client's link: called for every cell that passes the link at `at`,
    /// upwards or downwards. Returns how long the attacker holds the cell; empty: it drops the
    /// cell.
    std::function<std::optional<base::Nanoseconds>(bool up, base::Mono at)> meddle;

    std::uint64_t ticks() const;
    std::uint64_t ticks_missed() const;
    std::size_t stock_max = 0;  // the largest stock that any session ever had at an exit

 private:
    struct Arrival {
        int exit;  // at_gateway or at_client, else an exit
        cell::CellBox cell;
    };
    void make_document();
    base::Wall wall() const;
    void step_client();
    void step_exits();
    void arrive(Arrival arrival);
    void to_core(const cell::Cell& cell);
    relay::core::SendResult to_relay(const base::NodeId& next, cell::CellBox cell) override;
    relay::core::SendResult to_client(const base::MailboxId& client, cell::CellBox cell) override;
    void travel(cell::CellBox cell, int exit, base::Nanoseconds delay);

    LawOptions options_;
    base::SeededRandom random_;
    base::SeededRandom client_random_;
    base::SeededRandom moved_random_;
    base::Mono now_;
    std::shared_ptr<const directory::Document> document_;
    base::NodeId gateway_;
    base::MailboxId mailbox_;
    std::unique_ptr<client::core::Core> core_;
    base::SeededRandom gateway_random_{0};
    relay::core::Counters gateway_counters_;
    relay::core::Mailboxes mailboxes_;
    std::vector<std::pair<base::NodeId, std::unique_ptr<Exit>>> exits_;
    std::multimap<base::Mono, Arrival> on_the_way_;
    bool linked_ = false;
    bool frozen_ = false;
    static constexpr std::size_t kernel_keeps = 100;
    std::vector<cell::Cell> kept_;  // deliveries that came while the client stood still
};

}  // namespace nightjar::lab::world
