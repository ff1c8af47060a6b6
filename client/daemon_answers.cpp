// What the daemon answers on its control socket.
#include "client/daemon_impl.hpp"
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
    status.slots_unwritten = slots_unwritten_;
    status.down_cells = down_cells_;
    status.links = links_;
    status.carried = proxy_.carried();
    status.applications = proxy_.applications();
    status.refused = proxy_.refused();
    status.literals = proxy_.literals();
    return protocol::status_json(status, of_core, document_.get());
}

/// Keeps the client's report and the events up to date, once a second.
asio::awaitable<void> Daemon::watch_seconds() {
    for (;;) {
        const auto core = core_status();
        report_.second_passed(node::process::mono_now(), node::process::read_clocks().boot,
                              proxy_.carried(), core ? &*core : nullptr, document_.get());
        if (core && dialer_) look_for_other_gateway(core->clock);
        api_.look_for_events();
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
