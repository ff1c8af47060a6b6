#include "relay/daemon.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "relay/disclosing.hpp"
#include "relay/engine_options.hpp"
#include "relay/io/engine.hpp"
#include "relay/joining.hpp"
#include "relay/keys/epoch_keys.hpp"
#include "relay/metrics_service.hpp"
#include "relay/operation/authority_contact.hpp"
#include "relay/operation/descriptors.hpp"
#include "relay/operation/relay_clock.hpp"
#include "relay/operation/startup.hpp"
#include "relay/operation/status.hpp"
#include "sphinx/base/log_bounds.hpp"
#include "sphinx/node/link/key_memory.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/process.hpp"
#include "sphinx/node/process/service_manager.hpp"
#include "sphinx/node/process/shutdown.hpp"

namespace nightjar::relay {

namespace asio = boost::asio;
using node::process::Level;
using node::process::log;

namespace {

using node::process::as_result;
constexpr base::Seconds housekeeping_period{5};
constexpr int document_every = 6;     // in housekeeping periods: 30 s
constexpr int heartbeat_every = 720;  // in housekeeping periods: one hour
constexpr base::Milliseconds drain_max{3500};
constexpr base::Milliseconds close_max{1000};

const directory::Parameters& law(const operation::Loaded& loaded) {
    return loaded.document.document->parameters;
}

class Daemon {
 public:
    Daemon(std::filesystem::path config_file, operation::Loaded loaded);
    node::process::ExitCode run();

 private:
    asio::awaitable<void> housekeeping();
    void maintain_keys();
    void look_at_document();
    void check_newer(const directory::Document& newer);
    void use(directory::SignedDocument document);
    void reload();
    void try_reload();

    core::State state();
    void log_state_change();
    operation::StaticFacts facts();
    operation::StatusFacts status();
    std::string disclosure();
    MetricsSources metrics_sources();
    operation::ContactOptions contact_options();
    bool lab() const { return loaded_.document.document->parameters.lab; }

    void add_shutdown_steps();
    asio::awaitable<void> close();

    asio::io_context io_{1};
    std::filesystem::path config_file_;
    operation::Loaded loaded_;
    node::config::Evidence evidence_;
    node::link::TlsIdentity tls_;
    keys::KeyStore store_;
    operation::RelayClock clock_;
    core::Keyring keyring_;
    keys::EpochKeys keys_;
    node::process::Shutdown shutdown_;
    node::process::TaskGroup core_;         // a task that fails here ends the daemon
    node::process::TaskGroup connections_;  // a bug ends a task here, and only its connection
    node::process::TaskGroup ending_;       // runs the shutdown itself
    io::Engine engine_;
    std::optional<operation::AuthorityContact> contact_;
    std::optional<MetricsService> metrics_;
    node::process::ControlSocket control_;
    asio::steady_timer timer_{io_};

    base::Wall started_ = node::process::wall_now();
    base::Wall reloaded_ = started_;
    bool reload_successful_ = true;
    bool core_failed_ = false;
    core::State last_logged_state_ = core::State::active;
    std::string key_trouble_;  // the last error that was logged
    operation::ShortageLog shortage_log_;
    base::BugCount bugs_{
        metrics::aligned_window(loaded_.config.metrics_rules.window, law(loaded_).epoch_length),
        clock_.now()};
};

Daemon::Daemon(std::filesystem::path config_file, operation::Loaded loaded)
    : config_file_{std::move(config_file)},
      loaded_{std::move(loaded)},
      evidence_{operation::evidence_folder(loaded_.config)},
      tls_{*loaded_.identity.link_seed},
      store_{loaded_.config.runtime_dir, law(loaded_).epoch_length,
             operation::packets_per_key(loaded_.config, *loaded_.document.document)},
      clock_{loaded_.config.runtime_dir},
      keyring_{law(loaded_).epoch_length, law(loaded_).key_grace()},
      keys_{store_,
            keyring_,
            loaded_.identity,
            operation::describe(loaded_.config, loaded_.identity),
            loaded_.config.data_dir,
            law(loaded_).epoch_length},
      shutdown_{io_.get_executor()},
      core_{io_.get_executor(),
            [this](const std::string& task, const std::string& what) {
                log(Level::error, task + " died: " + what);
                core_failed_ = true;
                shutdown_.request();
            }},
      connections_{io_.get_executor(),
                   [this](const std::string& task, const std::string&) {
                       bugs_.add(task);
                       if (metrics_) metrics_->count_bug();
                   }},
      ending_{io_.get_executor(), [](const std::string&, const std::string&) { std::abort(); }},
      engine_{io_,      engine_options(loaded_), loaded_.document, tls_,
              keyring_, clock_.guard(),          connections_},
      control_{operation::status_socket(
          io_.get_executor(), loaded_.config.control,
          {[this] { return status(); }, [this] { return clock_.confirm(); },
           [this] { return disclosure(); }},
          connections_)} {
    if (loaded_.config.keeps_windows())
        metrics_.emplace(io_, loaded_, engine_, metrics_sources(), connections_);
    if (!loaded_.anchors.services.empty()) contact_.emplace(io_.get_executor(), contact_options());
    keys_.maintain(clock_.key_time());
    operation::log_start_warnings(loaded_.config, *loaded_.document.document,
                                  secrets_locked(loaded_.identity, store_));
    add_shutdown_steps();
    shutdown_.announce();
    shutdown_.on_hangup([this] { reload(); });
}

node::process::ExitCode Daemon::run() {
    if (state() == core::State::not_listed) {
        log(Level::warning,
            "the network document lists mix keys that this relay does not have (was its runtime "
            "directory lost?); it can open packets again once a document lists the new keys of " +
                (loaded_.config.data_dir / "descriptor").string());
    }
    engine_.start();
    core_.spawn("housekeeping", housekeeping());
    core_.spawn("control socket", control_.run());
    core_.spawn("watchdog",
                node::process::feed_watchdog([this] { return engine_.workers_answered(); }));
    if (metrics_) metrics_->start(core_);
    // A fault of it must not stop the mixing: the documents of two epochs are here.
    if (contact_) connections_.spawn("authority", contact_->run());
    ending_.spawn("shutdown", shutdown_.run());
    std::printf("nightjar-relay %s ready\n", loaded_.config.name.c_str());
    std::fflush(stdout);
    node::process::notify_ready(core::state_names[static_cast<std::size_t>(state())]);
    try {
        io_.run();
    } catch (const std::exception& error) {  // in no task, as without memory: tasks still use this
        loaded_.identity = {};
        std::fprintf(stderr, "nightjar-relay: stopped: %s\n", error.what());
        std::_Exit(static_cast<int>(node::process::ExitCode::failure));
    }
    if (const auto bugs = bugs_.rest()) log(Level::error, *bugs);
    for (const auto& step : shutdown_.overran())
        log(Level::warning, "shutdown step did not finish in time: " + step);
    if (core_.running() + connections_.running() + ending_.running() > 0) {
        // The task still holds references into this object, so exit without running destructors.
        log(Level::error, "a task did not end in time");
        std::_Exit(static_cast<int>(node::process::ExitCode::failure));
    }
    return core_failed_ ? node::process::ExitCode::failure : node::process::ExitCode::ok;
}

asio::awaitable<void> Daemon::housekeeping() {
    for (int round = 1;; ++round) {
        timer_.expires_after(housekeeping_period);
        const auto waited = co_await timer_.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
        maintain_keys();
        if (round % document_every == 0 || state() != core::State::active) look_at_document();
        log_state_change();
        if (const auto bugs = bugs_.due(clock_.now())) log(Level::error, *bugs);
        shortage_log_.look(engine_.no_descriptors(), node::process::mono_now());
        engine_.forget(node::process::mono_now());
        if (round % heartbeat_every == 0) {
            log(Level::info, std::string{"state "} +
                                 core::state_names[static_cast<std::size_t>(state())] + ", epoch " +
                                 std::to_string(loaded_.document.document->epoch.value));
        }
    }
}

operation::ContactOptions Daemon::contact_options() {
    return {loaded_.anchors,
            law(loaded_).epoch_length,
            loaded_.config.data_dir,
            loaded_.config.document,
            [this] { return clock_.now(); },
            [this] { look_at_document(); },
            &evidence_};
}

/// An error such as a full disk must not stop the mixing: the keys of two epochs exist already.
void Daemon::maintain_keys() {
    try {
        keys_.prepare(clock_.key_time());
        keys_.maintain(clock_.key_time());
        key_trouble_.clear();
    } catch (const std::exception& error) {
        if (key_trouble_ != error.what()) log(Level::error, error.what());
        key_trouble_ = error.what();
    }
}

void Daemon::look_at_document() {
    if (!loaded_.document_file.changed_since_load()) return;
    try {
        auto newer = loaded_.document_file.load(clock_.now(), loaded_.document.document->epoch);
        check_newer(*newer.document);
        use(std::move(newer));
    } catch (const node::process::StartupError& error) {
        // A document that is not valid yet is read again later, without a log line each time.
        if (error.code() != node::process::ExitCode::not_ready) log(Level::warning, error.what());
    }
}

/// Throws if a running relay cannot use this document although its signatures are valid.
void Daemon::check_newer(const directory::Document& newer) {
    const auto& held = *loaded_.document.document;
    if (const auto alarm = evidence_.compare(held, newer)) log(Level::error, *alarm);
    operation::check_successor(held, newer);
    if (newer.find(loaded_.identity.id) != nullptr) {
        operation::check_fit(loaded_.config, loaded_.identity, newer);
    }
}

void Daemon::use(directory::SignedDocument document) {
    if (document.document->epoch == loaded_.document.document->epoch) return;
    loaded_.document = std::move(document);
    engine_.use(loaded_.document,
                operation::make_exit_policy(loaded_.config, *loaded_.document.document));
    if (state() == core::State::not_listed) {
        log(Level::warning,
            "the new network document does not list this relay with its current keys");
    }
}

void Daemon::reload() {
    try {
        try_reload();
        reloaded_ = node::process::wall_now();
        reload_successful_ = true;
        log(Level::info, "reloaded");
    } catch (const std::exception& error) {
        reload_successful_ = false;
        log(Level::error, std::string{"nothing reloaded: "} + error.what());
    }
}

/// Runs every step that can fail first, so that a failed reload changes nothing.
void Daemon::try_reload() {
    auto config = operation::load_config(config_file_);
    config.announce_found = loaded_.config.announce_found;
    std::string fixed;
    for (const auto& key : needs_restart(loaded_.config, config))
        fixed += (fixed.empty() ? "" : ", ") + key;
    if (!fixed.empty()) throw node::process::ConfigError{"a restart is needed to change " + fixed};
    operation::DocumentFile file{config.document, loaded_.document_file.anchors()};
    auto document = file.load(clock_.now(), loaded_.document.document->epoch);
    check_newer(*document.document);
    operation::check_fit(config, loaded_.identity, *document.document);
    engine_.use(operation::make_exit_policy(config, *document.document), config.dns_servers);

    loaded_.config = std::move(config);
    loaded_.document_file = std::move(file);
    use(std::move(document));
}

core::State Daemon::state() {
    const auto& document = *loaded_.document.document;
    if (shutdown_.requested()) return core::State::draining;
    const auto now = clock_.now();
    if (clock_.jumped()) return core::State::clock_jumped;
    const auto* listed = document.find(loaded_.identity.id);
    const bool ours = listed != nullptr && keys_.matches(*listed, document.epoch);
    return operation::state_by(document, ours, now);
}

/// Logs each change of state: nothing else says that the relay stopped or resumed its work.
void Daemon::log_state_change() {
    const auto now = state();
    if (now == std::exchange(last_logged_state_, now)) return;
    clock_.log_state(now, loaded_.document.document->valid_until);
    node::process::notify_status(core::state_names[static_cast<std::size_t>(now)]);
}

operation::StaticFacts Daemon::facts() {
    const auto& document = *loaded_.document.document;
    operation::StaticFacts facts;
    facts.version = operation::program_version;
    facts.state = state();
    facts.lab = lab();
    facts.version_recommended = operation::version_recommended(document);
    facts.epoch = document.epoch;
    facts.process_start = started_;
    facts.directory_valid_until = document.valid_until;
    facts.mix_key_expiry = keys_.expiry();
    facts.config_last_reload_success = reloaded_;
    facts.config_last_reload_successful = reload_successful_;
    facts.expected_loop_rtt = core::mean_loop_time(document);
    facts.loops = engine_.loops();
    if (contact_) facts.clock_ahead = contact_->clock_ahead();
    facts.self_test = loaded_.self_test;
    facts.max_fds = operation::descriptors_max();
    facts.conflict = evidence_.facts().epoch.has_value();
    return facts;
}

operation::StatusFacts Daemon::status() {
    auto status = operation::configured(loaded_.config, loaded_.identity.id);
    operation::use(status, *loaded_.document.document);
    status.self_test = loaded_.self_test;
    status.key_epochs = keyring_.epochs();
    status.memory_locked = secrets_locked(loaded_.identity, store_);
    status.facts = facts();
    status.links = engine_.links();
    status.jump = clock_.jump();
    status.evidence = evidence_.facts();
    if (contact_) status.authority = contact_->facts();
    if (contact_) status.clock = contact_->clock();
    status.replay_room_short = engine_.replay_room_short();
    status.replay_filter_full = engine_.replay_filter_full();
    status.finds_names = engine_.finds_names();
    status.connects = engine_.connects();
    if (metrics_) status.month = metrics_->month();
    if (lab()) status.lab = engine_.lab_facts();
    return status;
}

std::string Daemon::disclosure() {
    auto facts = disclosure_facts(loaded_.config, config_file_, law(loaded_), keyring_, keys_,
                                  secrets_locked(loaded_.identity, store_));
    engine_.list_holdings(facts.holdings);
    if (metrics_) facts.metrics_page = metrics_->page().value_or("");
    return operation::to_json(facts);
}

MetricsSources Daemon::metrics_sources() {
    return {[this] { return facts(); }, [this] { return clock_.now(); },
            [this] { return contact_ ? contact_->facts().fetch_failures : 0; }};
}

/// The shutdown order. Held packets keep their delay until the queue is empty or the time limit is
/// reached; the rest are dropped. A flush would show which packets were held together.
void Daemon::add_shutdown_steps() {
    using base::Milliseconds;
    const auto longest = std::chrono::ceil<Milliseconds>(law(loaded_).delay_cap());
    shutdown_.add("stop accepting", Milliseconds{100}, [this] { return engine_.stop_accepting(); });
    shutdown_.add("drain", std::min(drain_max, longest + Milliseconds{100}),
                  [this] { return engine_.drained(); });
    shutdown_.add("close", close_max, [this] { return close(); });
    shutdown_.on_abort([this] { loaded_.identity = {}; });
}

asio::awaitable<void> Daemon::close() {
    engine_.close();
    control_.close();
    if (metrics_) metrics_->close();
    core_.cancel();
    connections_.cancel();
    co_await connections_.wait();
    co_await core_.wait();
}

}  // namespace

node::process::ExitCode run_relay(const std::filesystem::path& config_file) {
    node::process::harden_process();
    node::link::lock_key_memory();
    node::process::raise_descriptor_limit();
    auto loaded = enter_network(config_file);
    if (!loaded) return node::process::ExitCode::ok;
    return Daemon{config_file, *std::move(loaded)}.run();
}

}  // namespace nightjar::relay
