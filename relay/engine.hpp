// The data plane: links, workers, pipeline, exit and the one timer, wired together. Knows the
// clocks, decides nothing. I/O thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>

#include "relay/exit.hpp"
#include "relay/links.hpp"
#include "relay/metrics.hpp"
#include "relay/pipeline.hpp"
#include "relay/startup.hpp"
#include "relay/ticker.hpp"
#include "relay/unwrap_pool.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::relay {

class Engine final : private Links::Owner {
 public:
    /// Binds its ports; throws node::StartupError if it cannot. All references outlive it, and it
    /// outlives the tasks that it spawns into `tasks`.
    Engine(boost::asio::io_context& io, const Loaded& loaded, const directory::Anchors& anchors,
           node::TlsIdentity& tls, Keyring& keyring, node::TaskGroup& tasks);
    ~Engine() override;

    /// Starts accepting and dialling.
    void start();
    void use(const SignedDocument& document, ExitPolicy policy);
    /// Throws std::runtime_error, with nothing changed, if the resolver cannot be set up.
    void use(ExitPolicy policy, const std::vector<IpEndpoint>& dns_servers);

    // The end, in this order.
    void stop_accepting();
    void drain();        // no cover and no new packets from here
    bool empty() const;  // nothing is unwrapped or held any more
    void close();        // links, exit's sockets, timer; what is still held is dropped

    Links::Numbers links() const { return links_.numbers(); }
    LabFacts lab_facts();

 private:
    void on_packet(const From& from, cell::CellBox cell) override;
    void on_client(const base::MailboxId& client) override;
    void on_client_gone(const base::MailboxId& client) override;
    void on_unwrapped(UnwrapPool::Batch batch);
    void tick(base::Mono now);

    base::SystemRandom random_;
    Counters counters_;
    std::optional<ExitSessions> sessions_;
    Pipeline pipeline_;
    Ticker ticker_;
    Links links_;
    std::optional<Exit> exit_;
    base::Nanoseconds suspended_;
    base::Nanoseconds loop_round_trips_{};
    std::uint64_t unwrap_refused_ = 0;
    UnwrapPool pool_;  // last: its workers end before what they work on
};

}  // namespace nightjar::relay
