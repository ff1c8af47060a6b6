// The daemon's private class. Only daemon*.cpp include this header.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>

#include "client/apps/proxy.hpp"
#include "client/core/core.hpp"
#include "client/operation/api.hpp"
#include "client/operation/bootstrap.hpp"
#include "client/operation/config.hpp"
#include "client/operation/report.hpp"
#include "client/operation/state.hpp"
#include "client/protocol/document_fetch.hpp"
#include "client/protocol/other_gateways.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/link/dialer.hpp"
#include "sphinx/node/link/timed_writer.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/shutdown.hpp"
#include "sphinx/node/scrape/metrics_http.hpp"

namespace nightjar::client {

namespace asio = boost::asio;

using node::process::ExitCode;

node::link::DialTarget target_of(const directory::Relay& gateway);

/// A running client. I/O thread only, but for the writer's own thread.
class Daemon final : public node::link::Dialer::Owner, public operation::ApiAnswers {
 public:
    /// `again`: another object ran before, in this process.
    Daemon(asio::io_context& context, const operation::Config& config, bool again);
    /// False if it should run anew, as another object: it has no document that can be used. Throws
    /// node::process::StartupError.
    bool run();
    /// With the ports that were taken, and the listeners that the control socket opened.
    const operation::Config& config() const { return config_; }

 private:
    // --- tasks ---
    asio::awaitable<void> join();
    asio::awaitable<void> run_schedule();
    asio::awaitable<void> refresh_document();
    asio::awaitable<void> watch_readiness();
    asio::awaitable<void> watch_seconds();
    asio::awaitable<void> end_applications();
    asio::awaitable<void> end_tasks();

    // --- the link ---
    void on_up(node::link::Link& link) override;
    void on_down(node::link::LinkError why) override;
    void on_refused(node::link::LinkError why) override { report_.link_refused(why); }
    void on_cell(node::link::Link& link, cell::CellBox cell) override;
    bool write(core::SlotPacket& packet, base::Mono now);

    // --- the control socket ---
    std::string status() override;
    std::string state() override;
    std::optional<std::uint64_t> new_identity() override;
    std::optional<std::uint64_t> ping() override { return core_ ? core_->ping() : std::nullopt; }
    std::string ping_result(const core::PingResult& result) override;
    base::Nanoseconds ping_patience() override;
    base::Result<operation::OpenedListener, protocol::api::Error> open_listener(
        std::string_view description, bool passing) override;
    bool close_listener(std::string_view address) override;
    bool close_listener(std::uint64_t number) override;
    std::optional<core::CoreStatus> core_status(std::size_t keys_most = 0) const;
    protocol::DaemonStatus short_status(const core::CoreStatus* core) const;

    void listen();
    void serve_metrics();
    void renew_metrics();
    base::Result<operation::OpenedListener, protocol::api::Error> open(
        protocol::ListenerOptions options, bool passing);
    void look_for_exits();
    bool start_core(const operation::DocumentRef& document);
    void dispatch_core_output();
    // --- documents ---
    enum class Source { gateway, another_gateway };
    void on_fetched(const protocol::DocumentFetch::Outcome& came);
    void on_document(std::string_view text, Source source);
    /// Call it about once a second, with a core.
    void look_for_other_gateway(const core::ClockStatus& clock);
    asio::awaitable<void> ask_another(directory::Relay gateway);

    void fail(ExitCode code, const std::string& line);
    void begin_again(const std::string& why);

    asio::io_context& context_;
    operation::Config config_;
    const bool again_;
    directory::Anchors anchors_;
    operation::StateDir state_;
    node::config::Evidence evidence_;
    base::SystemRandom random_;
    node::link::TlsIdentity identity_;  // a fresh key at each start, so runs cannot be linked by it
    node::link::TimedWriter writer_;    // of the one link at a time
    node::process::Shutdown shutdown_;
    node::process::TaskGroup tasks_;
    apps::Proxy proxy_;
    operation::Api api_;
    std::optional<node::scrape::MetricsHttp> metrics_;
    std::string metrics_page_;  // made anew each second; a scrape makes nothing
    asio::steady_timer slot_timer_;
    asio::steady_timer document_timer_;
    asio::steady_timer readiness_timer_;
    asio::steady_timer second_timer_;
    std::string socks_;                              // of the first listener, which is a proxy
    std::vector<protocol::OpenListener> listening_;  // those of the configuration
    std::vector<operation::OpenedListener> opened_;  // those of the control socket
    std::uint64_t next_listener_ = 1;                // its number
    std::optional<base::IpNetwork> names_range_;     // stays until the client ends

    operation::DocumentRef document_;            // set once join() has one
    const directory::Relay* gateway_ = nullptr;  // in *document_
    base::Wall gateway_until_{};                 // until when it is kept
    std::optional<core::Core> core_;
    std::optional<node::link::Dialer> dialer_;
    node::link::Link* link_ = nullptr;  // set between on_up and on_down
    protocol::DocumentFetch fetch_;
    protocol::OtherGateways others_;
    std::optional<base::Mono> own_asked_;  // first, for a newer document than this one
    bool asks_another_ = false;
    bool ready_ = false;
    bool begins_again_ = false;
    std::uint64_t links_ = 0, down_cells_ = 0, slots_unwritten_ = 0;
    operation::Report report_{node::process::mono_now(), config_.exit_country};
    std::optional<node::process::StartupError> failure_;
};

}  // namespace nightjar::client
