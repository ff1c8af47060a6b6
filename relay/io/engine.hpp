// The data plane: connects links, worker threads, pipeline, exit and the one timer. Reads the
// clocks, but makes no decisions. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "relay/core/pipeline.hpp"
#include "relay/io/exit.hpp"
#include "relay/io/links.hpp"
#include "relay/io/ticker.hpp"
#include "relay/io/unwrap_pool.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/node/process/clock_guard.hpp"
#include "sphinx/node/process/keeper.hpp"

namespace nightjar::relay::io {

/// What the engine is told once, at its start.
struct EngineOptions {
    LinksOptions links;
    std::uint32_t workers = 2;  // threads that unwrap
    core::PipelineOptions pipeline;
    /// Nothing: this relay is no exit.
    struct ExitOptions {
        core::ExitPolicy policy;
        std::vector<base::IpEndpoint> dns_servers;
        std::shared_ptr<node::process::Keeper> name_keeper;  // of the process for name lookups
        std::shared_ptr<node::process::Keeper> dial_keeper;  // of the one for connections
    };
    std::optional<ExitOptions> exit;
};

class Engine final : private Links::Owner {
 public:
    /// Binds the ports; throws node::StartupError if that fails. Every reference must outlive the
    /// engine, and the engine must outlive the tasks that it spawns into `tasks`.
    Engine(boost::asio::io_context& io, EngineOptions options, directory::SignedDocument document,
           node::link::TlsIdentity& tls, core::Keyring& keyring, node::process::ClockGuard& clock,
           node::process::TaskGroup& tasks);
    ~Engine() override;

    /// Starts accepting and dialling, and the exit. No task is spawned before this call.
    void start();
    void use(const directory::SignedDocument& document, core::ExitPolicy policy);
    /// Throws std::runtime_error if the resolver cannot be set up; nothing is changed then.
    void use(core::ExitPolicy policy, const std::vector<base::IpEndpoint>& dns_servers);

    // Shutdown: call these in this order.
    boost::asio::awaitable<void> stop_accepting();
    /// From now on no cover and no new packets. Waits until it is empty, or cancelled.
    boost::asio::awaitable<void> drained();
    bool empty() const;  // no packet is with a worker or in the mix queue
    void close();        // closes links, exit sockets and timer; drops packets still held

    core::LinkCounts links() const { return links_.counts(); }
    HandshakeCounts handshakes() const { return links_.handshakes(); }
    const FloodCounts& floods() const { return links_.floods(); }
    core::LabFacts lab_facts();
    /// How often this relay could not take a link, or serve a stream, because the process had no
    /// file descriptor left.
    std::uint64_t no_descriptors() const;
    /// False while an exit can look up no name. nullopt: no exit.
    std::optional<bool> finds_names() const {
        return exit_ ? std::optional{exit_->finds_names()} : std::nullopt;
    }
    /// False while an exit can connect to nothing. nullopt: no exit.
    std::optional<bool> connects() const {
        return exit_ ? std::optional{exit_->connects()} : std::nullopt;
    }
    /// Appends what all tables of the data plane hold.
    void list_holdings(base::Holdings& out) const;
    /// Call it every few seconds: what outlives its use is forgotten, also when no packet comes.
    void forget(base::Mono now);
    /// The log has a line when `missing` changes, at most one a minute, and when `answers` changes.
    const core::LoopFacts& loops() const { return loops_; }
    /// Some packets are refused because the replay filters were made for fewer. The log has a line
    /// when this changes.
    bool replay_room_short() const { return replay_room_short_; }
    /// A replay filter holds as many packets as it is made for, or it could not grow in time. The
    /// log has a line when this changes.
    bool replay_filter_full() const { return replay_filter_full_; }
    /// UnwrapPool::workers_answered().
    bool workers_answered() { return pool_.workers_answered(); }

 private:
    void on_packet(const core::Origin& from, cell::CellBox cell) override;
    void on_client(const base::MailboxId& client, const base::IpAddress& from) override;
    void on_client_gone(const base::MailboxId& client) override;
    void on_unwrapped(UnwrapPool::Batch batch);
    void tick(base::Mono now);
    void build_ahead(base::Mono now);
    base::Wall kept_time() { return clock_.look(node::process::read_clocks()); }
    void watch_loops(base::Mono now);
    void watch_answer();
    void watch_replay_room(base::Mono now);
    void watch_replay_filters();

    boost::asio::io_context& io_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    node::process::ClockGuard& clock_;
    base::SystemRandom random_;
    base::KeyedHash hash_;  // of neighbours
    core::Counters counters_;
    std::optional<core::ExitSessions> sessions_;
    core::Pipeline pipeline_;
    Ticker ticker_;
    Links links_;
    std::optional<Exit> exit_;
    base::Nanoseconds suspended_;
    base::Nanoseconds loop_round_trips_{};
    core::RoundTripCounts round_trips_;
    std::uint64_t unwrap_refused_ = 0;
    core::LoopFacts loops_;
    bool replay_room_short_ = false;
    bool replay_filter_full_ = false;
    std::uint64_t replay_filters_filled_ = 0;
    base::Mono loops_logged_{};
    UnwrapPool pool_;  // last member: its workers end before the objects they use
};

}  // namespace nightjar::relay::io
