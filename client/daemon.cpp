#include "client/daemon.hpp"

#include <cstdio>

#include "client/daemon_impl.hpp"
#include "client/operation/prepare_process.hpp"
#include "sphinx/cell/padding_time.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/service_manager.hpp"

namespace nightjar::client {

using node::process::Level;

namespace {

using node::process::as_result;

// With more overdue cells than this (0.15 s at U + L = 55) a slot is lost: the link takes nothing.
constexpr std::size_t backlog_max = 8;
// Without a link, prepare() still runs at this interval and ends sessions that waited too long.
constexpr base::Milliseconds prepare_interval{500};
// A client that has begun again with a document that it cannot use asks for another one after this
// time, or as often as a running client does if that is sooner.
constexpr base::Seconds another_document_after{60};

}  // namespace

Daemon::Daemon(asio::io_context& context, const operation::Config& config, bool again)
    : context_{context},
      config_{config},
      again_{again},
      anchors_{node::config::load_anchors(config.network)},
      state_{config.state_dir},
      evidence_{state_.evidence_folder()},
      identity_{node::files::new_key()},
      shutdown_{context.get_executor()},
      tasks_{context.get_executor(),
             [this](const std::string& task, const std::string& what) {
                 fail(ExitCode::failure, task + ": " + what);
             }},
      proxy_{context.get_executor(), tasks_, {.early_success = config.early_success}},
      api_{context.get_executor(), tasks_, *this},
      slot_timer_{context, base::Mono::max()},
      document_timer_{context},
      readiness_timer_{context},
      second_timer_{context} {}

bool Daemon::run() {
    listen();
    shutdown_.add("applications", base::Milliseconds{500}, [this] { return end_applications(); });
    shutdown_.add("link and tasks", base::Milliseconds{3000}, [this] { return end_tasks(); });
    tasks_.spawn("joining", join());
    tasks_.spawn("watchdog", node::process::feed_watchdog({}));
    tasks_.spawn("seconds", watch_seconds());
    shutdown_.announce();
    if (config_.ready_timeout.count() > 0) tasks_.spawn("readiness", watch_readiness());
    node::process::TaskGroup end{context_.get_executor(),
                                 [](const std::string&, const std::string&) {}};
    end.spawn("shutdown", shutdown_.run());
    context_.run();
    if (failure_) throw *failure_;
    return !begins_again_ || shutdown_.signalled();
}

void Daemon::fail(ExitCode code, const std::string& line) {
    if (!failure_) failure_.emplace(code, line);
    shutdown_.request();
}

void Daemon::begin_again(const std::string& why) {
    if (shutdown_.requested()) return;  // it is to end
    node::process::log(Level::warning, why + ": fetching a document from the anchors' gateways");
    begins_again_ = true;
    shutdown_.announce(false);  // the service goes on: a manager kills one that says that it stops
    shutdown_.request();
}

// --- joining -------------------------------------------------------------------------------------

asio::awaitable<void> Daemon::join() {
    auto document = co_await operation::first_document(anchors_, state_, random_, report_);
    while (!start_core(document)) {
        const std::string why =
            "the network document lists no gateway with which an exit can be used";
        if (!again_) co_return fail(ExitCode::not_ready, why);
        // It has run before, and never ends because the network cannot be used for a while.
        node::process::log(Level::warning, why);
        report_.document_refused(why);
        document_timer_.expires_after(std::min<base::Nanoseconds>(
            another_document_after,
            document->parameters.epoch_length / protocol::own_requests_per_epoch));
        co_await document_timer_.async_wait(as_result);
        document = co_await operation::first_document(anchors_, state_, random_, report_, true);
    }
    tasks_.spawn("traffic law", run_schedule());
    tasks_.spawn("document", refresh_document());
    tasks_.spawn("dialer", dialer_->run());
}

/// False if the document lists no gateway that can be used.
bool Daemon::start_core(const operation::DocumentRef& document) {
    const auto kept = state_.gateway();
    const auto choice =
        operation::choose_gateway(kept, *document, node::process::wall_now(), random_);
    if (!choice) return false;
    if (choice != kept) state_.keep(*choice);
    gateway_until_ = choice->until;
    document_ = document;
    gateway_ = document_->find(choice->gateway);

    cell::Hello mine;
    mine.network = directory::network_id(anchors_);
    mine.role = cell::LinkRole::client;

    core_.emplace(document_, base::MailboxId{identity_.key().bytes}, choice->gateway, random_,
                  node::process::mono_now());
    core_->restore_guards(state_.guards(), node::process::wall_now());
    core_->choose_exit_country(config_.exit_country);
    dialer_.emplace(context_.get_executor(), target_of(*gateway_), identity_, mine,
                    node::link::LinkLimits{}, random_, *this);
    report_.document_there(node::process::mono_now());
    look_for_exits();
    return true;
}

void Daemon::look_for_exits() {
    if (const auto& fault = report_.document_used(*document_))
        node::process::log(Level::warning, "exit_country: " + *fault);
}

asio::awaitable<void> Daemon::watch_readiness() {
    readiness_timer_.expires_after(config_.ready_timeout);
    const auto waited = co_await readiness_timer_.async_wait(as_result);
    // Cancelled: the client is ready, or it is shutting down. Neither is a failure.
    if (std::get<0>(waited) || ready_) co_return;
    fail(ExitCode::not_ready, "not ready after " + std::to_string(config_.ready_timeout.count()) +
                                  " s; last: " + report_.waiting_for);
}

// --- the traffic law -----------------------------------------------------------------------------

asio::awaitable<void> Daemon::run_schedule() {
    for (;;) {
        slot_timer_.expires_at(link_ != nullptr ? core_->next_due() - core::hand_over_lead
                                                : node::process::mono_now() + prepare_interval);
        co_await slot_timer_.async_wait(as_result);
        const auto now = node::process::mono_now();
        if (link_ != nullptr) {
            for (auto& packet : core_->tick(now, core::hand_over_lead))
                if (!write(packet, now)) core_->unwritten(std::move(packet));
        }
        core_->prepare(now, node::process::wall_now());
        dispatch_core_output();
    }
}

/// False if the packet's slot is lost.
bool Daemon::write(core::SlotPacket& packet, base::Mono now) {
    if (writer_.overdue(now) <= backlog_max && link_->send_at(std::move(packet.cell), packet.due))
        return true;
    ++slots_unwritten_;
    return false;
}

void Daemon::dispatch_core_output() {
    if (const auto* guards = core_->changed_guards()) state_.keep_guards(*guards);
    for (const auto& result : core_->take_pings())
        api_.on_ping(result);
    proxy_.dispatch();
    if (ready_ || !core_->ready()) return;
    ready_ = true;
    report_.ready(node::process::mono_now(), node::process::wall_now());
    readiness_timer_.cancel();
    proxy_.serve(*core_, document_->parameters.lab);
    std::printf("nightjar ready SOCKS5 %s\n", socks_.c_str());
    std::fflush(stdout);
    node::process::notify_ready("SOCKS5 " + socks_);
}

// --- the link ------------------------------------------------------------------------------------

void Daemon::on_up(node::link::Link& link) {
    link_ = &link;
    link.write_through(writer_);
    ++links_;
    const auto now = node::process::mono_now();
    report_.link_up(now);
    const auto wall = node::process::wall_now();
    core_->connected(now, wall);
    core_->prepare(now, wall);
    slot_timer_.cancel();
}

void Daemon::on_down(node::link::LinkError why) {
    link_ = nullptr;
    fetch_.end();
    report_.link_down(why, node::process::mono_now());
    if (!shutdown_.requested()) node::process::log(Level::warning, report_.waiting_for);
    core_->disconnected();
    slot_timer_.cancel();
    dispatch_core_output();
}

void Daemon::on_cell(node::link::Link& link, cell::CellBox cell) {
    ++down_cells_;
    switch (cell->kind()) {
        case cell::Kind::packet:
            core_->on_delivery(*cell, node::process::mono_now());
            dispatch_core_output();
            break;
        case cell::Kind::padding:
            if (const auto time = cell::time_in(*cell))
                core_->hear_time({*time, node::process::mono_now(), node::process::wall_now(),
                                  node::process::wall_synchronised()});
            break;
        case cell::Kind::control: {
            const auto control = cell::decode(*cell);
            const auto* part = control ? std::get_if<cell::DocumentPart>(&*control) : nullptr;
            if (part == nullptr) return link.close();  // a gateway sends no other control cell
            if (const auto came = fetch_.accept(*part)) on_fetched(*came);
            break;
        }
    }
}

// --- the end -------------------------------------------------------------------------------------

asio::awaitable<void> Daemon::end_applications() {
    proxy_.close();
    api_.close();
    if (metrics_) metrics_->close();
    co_return;
}

/// The schedule stops together with the link, so the link never stays up without its regular cells.
asio::awaitable<void> Daemon::end_tasks() {
    if (dialer_) dialer_->stop();
    tasks_.cancel();
    co_await tasks_.wait();
}

ExitCode run_daemon(const operation::Config& config) {
    operation::prepare_process(config);  // before the daemon starts a thread
    auto of_next = config;
    for (bool again = false;; again = true) {
        asio::io_context context{1};
        Daemon daemon{context, of_next, again};
        if (daemon.run()) return ExitCode::ok;
        of_next = daemon.config();
        of_next.ready_timeout = {};  // wait for as long as the network is away
    }
}

}  // namespace nightjar::client
