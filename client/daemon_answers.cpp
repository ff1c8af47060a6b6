// What the daemon answers on its control socket.
#include "client/daemon_impl.hpp"
#include "client/operation/metrics.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::client {

using node::process::as_result;

std::optional<core::CoreStatus> Daemon::core_status(std::size_t keys_most) const {
    if (!core_) return std::nullopt;
    return core_->status(node::process::mono_now(), keys_most);
}

protocol::DaemonStatus Daemon::short_status(const core::CoreStatus* core) const {
    auto status =
        report_.status(node::process::mono_now(), node::process::wall_now(), core, document_.get());
    status.ready = core_ && core_->ready();
    return status;
}

std::string Daemon::state() {
    const auto core = core_status();
    return protocol::state_json(short_status(core ? &*core : nullptr));
}

std::optional<std::uint64_t> Daemon::new_identity() {
    if (!core_ || !core_->new_identity()) return std::nullopt;
    return core_->status(node::process::mono_now()).identity;
}

std::string Daemon::status() {
    const auto core = core_status(protocol::keys_listed_max);
    const auto* of_core = core ? &*core : nullptr;
    auto status = short_status(of_core);
    if (gateway_ != nullptr) status.gateway = gateway_->name;
    status.socks = socks_;
    status.listeners = listening_;
    for (const auto& one : opened_)
        status.listeners.push_back({one.way, one.address, true});
    status.slots_unwritten = slots_unwritten_;
    status.down_cells = down_cells_;
    status.links = links_;
    status.carried = proxy_.carried();
    status.applications = proxy_.applications();
    status.refused = proxy_.refused();
    status.literals = proxy_.literals();
    return protocol::status_json(status, of_core, document_.get());
}

void Daemon::renew_metrics() {
    // Of the program's start, not of this object: a client that begins again makes a new object.
    static const auto process_start = node::process::wall_now();
    const auto core = core_status();
    const auto status = short_status(core ? &*core : nullptr);
    operation::MetricsFacts facts;
    facts.version = NIGHTJAR_VERSION;
    facts.process_start = process_start;
    facts.state = protocol::state_word(status);
    facts.link_up = link_ != nullptr;
    if (status.problem) facts.problem = status.problem->name;
    if (document_) {
        facts.epoch = document_->epoch;
        facts.valid_until = document_->valid_until;
    }
    if (core) facts.clock_synchronised = core->clock.synchronised;
    metrics_page_ = operation::metrics_text(facts);
}

void Daemon::serve_metrics() {
    if (!config_.metrics) return;
    renew_metrics();
    node::scrape::HttpPages pages;
    pages.metrics = [this] { return metrics_page_; };
    pages.not_ready = [this]() -> std::optional<std::string> {
        const auto core = core_status();
        const auto status = short_status(core ? &*core : nullptr);
        if (status.ready) return std::nullopt;
        return protocol::state_word(status);
    };
    const asio::ip::tcp::endpoint at{asio::ip::make_address(config_.metrics->host),
                                     config_.metrics->port};
    metrics_.emplace(context_.get_executor(), at, std::move(pages), tasks_,
                     node::scrape::HttpLimits{}, node::scrape::HttpAccess{.not_for_pages = true});
    tasks_.spawn("metrics listener", metrics_->run());
}

/// Keeps the client's report and the events up to date, once a second.
asio::awaitable<void> Daemon::watch_seconds() {
    for (;;) {
        const auto core = core_status();
        report_.second_passed(node::process::mono_now(), node::process::read_clocks().boot,
                              proxy_.carried(), core ? &*core : nullptr, document_.get());
        if (core && dialer_) look_for_other_gateway(core->clock);
        api_.look_for_events();
        if (metrics_) renew_metrics();
        second_timer_.expires_after(base::Seconds{1});
        co_await second_timer_.async_wait(as_result);
    }
}

std::string Daemon::ping_result(const core::PingResult& result) {
    return protocol::ping_json(result, *document_);
}

base::Nanoseconds Daemon::ping_patience() {
    return document_->parameters.longest_route_delay();
}

}  // namespace nightjar::client
