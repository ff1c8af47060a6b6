#include "relay/joining.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "relay/disclosing.hpp"
#include "relay/io/dial_helper.hpp"
#include "relay/io/name_helper.hpp"
#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/authority_contact.hpp"
#include "relay/operation/build.hpp"
#include "relay/operation/relay_clock.hpp"
#include "relay/operation/status.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/host_addresses.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/log.hpp"
#include "sphinx/node/process/service_manager.hpp"
#include "sphinx/node/process/shutdown.hpp"

namespace nightjar::relay {

namespace asio = boost::asio;
using node::process::as_result;
using node::process::Level;
using node::process::log;

namespace {

constexpr base::Seconds look_period{1};
constexpr base::Milliseconds close_max{1000};
constexpr base::Seconds default_epoch{3600};

/// The network's law is not known yet; of it only the epoch length matters here.
directory::Parameters law_of(const node::config::AnchorsFile& anchors) {
    directory::Parameters law;
    law.epoch_length = anchors.epoch_length.value_or(default_epoch);
    return law;
}

/// A filter of a key that is made before the first document grows by that document's rates later.
std::uint64_t packets_per_key(const operation::RelayConfig& config,
                              const directory::Parameters& law) {
    directory::Document unknown;
    unknown.parameters = law;
    return operation::packets_per_key(config, unknown);
}

operation::RelayConfig config_of(const std::filesystem::path& config_file) {
    auto config = operation::load_config(config_file);
    operation::find_announced(config);
    return config;
}

class Joining {
 public:
    explicit Joining(const std::filesystem::path& config_file)
        : config_file_{config_file},
          config_{config_of(config_file)},
          identity_{keys::Identity::load(config_.data_dir)},
          anchors_{node::config::load_anchors_file(config_.network)},
          law_{law_of(anchors_)},
          store_{config_.runtime_dir, law_.epoch_length, packets_per_key(config_, law_)},
          clock_{config_.runtime_dir},
          keyring_{law_.epoch_length, law_.key_grace()},
          keys_{store_,           keyring_,
                identity_,        operation::describe(config_, identity_),
                config_.data_dir, law_.epoch_length},
          evidence_{operation::evidence_folder(config_)},
          shutdown_{io_.get_executor()},
          tasks_{io_.get_executor(),
                 [this](const std::string& task, const std::string& what) {
                     log(Level::error, task + " died: " + what);
                     failed_ = true;
                     shutdown_.request();
                 }},
          ending_{io_.get_executor(), [](const std::string&, const std::string&) { std::abort(); }},
          contact_{io_.get_executor(),
                   {anchors_, law_.epoch_length, config_.data_dir, config_.document,
                    [this] { return clock_.now(); }, [] {}, &evidence_}},
          control_{operation::status_socket(
              io_.get_executor(), config_.control,
              {[this] { return status(); }, [this] { return clock_.confirm(); },
               [this] {
                   return operation::to_json(disclosure_facts(config_, config_file_, law_, keyring_,
                                                              keys_,
                                                              secrets_locked(identity_, store_)));
               }},
              tasks_)} {
        keys_.maintain(clock_.key_time());
        shutdown_.add("close", close_max, [this] { return close(); });
    }

    bool run() {
        tasks_.spawn("authority", contact_.run());
        tasks_.spawn("control socket", control_.run());
        tasks_.spawn("joining", look());
        tasks_.spawn("watchdog", node::process::feed_watchdog({}));
        ending_.spawn("shutdown", shutdown_.run());
        // The process has started, however long the authority takes: its start must not time out.
        node::process::notify_ready("waits for a network document that lists this relay");
        io_.run();
        if (tasks_.running() + ending_.running() > 0)
            std::_Exit(static_cast<int>(node::process::ExitCode::failure));
        if (failed_)
            throw node::process::StartupError{node::process::ExitCode::failure,
                                              "the relay could not wait for its network"};
        return joined_;
    }

 private:
    asio::awaitable<void> look() {
        for (;;) {
            keys_.maintain(clock_.key_time());
            if (listed()) break;
            timer_.expires_after(look_period);
            const auto waited = co_await timer_.async_wait(as_result);
            if (std::get<0>(waited)) co_return;
        }
        joined_ = true;
        shutdown_.request();
    }

    /// A document is here that lists this relay with the keys that it has.
    bool listed() {
        try {
            const auto now = clock_.now();
            const auto loaded = operation::load_all(config_file_, now);
            const auto& document = *loaded.document.document;
            const auto* self = document.find(identity_.id);
            return self != nullptr && keys_.matches(*self, document.epoch);
        } catch (const node::process::StartupError&) {
            return false;  // not yet; `status` shows what the authority says
        }
    }

    operation::StatusFacts status() {
        auto status = operation::configured(config_, identity_.id);
        status.network = anchors_.anchors.network;
        status.key_epochs = keyring_.epochs();
        status.memory_locked = secrets_locked(identity_, store_);
        status.facts.version = operation::program_version;
        status.facts.state = core::State::starting;
        status.facts.config_last_reload_successful = true;
        status.jump = clock_.jump();
        status.authority = contact_.facts();
        return status;
    }

    asio::awaitable<void> close() {
        control_.close();
        tasks_.cancel();
        co_await tasks_.wait();
    }

    asio::io_context io_{1};
    std::filesystem::path config_file_;
    operation::RelayConfig config_;
    keys::Identity identity_;
    node::config::AnchorsFile anchors_;
    directory::Parameters law_;
    keys::KeyStore store_;
    operation::RelayClock clock_;
    core::Keyring keyring_;
    keys::EpochKeys keys_;
    node::config::Evidence evidence_;
    node::process::Shutdown shutdown_;
    node::process::TaskGroup tasks_;
    node::process::TaskGroup ending_;  // runs the shutdown itself
    operation::AuthorityContact contact_;
    node::process::ControlSocket control_;
    asio::steady_timer timer_{io_};
    bool joined_ = false;
    bool failed_ = false;
};

std::shared_ptr<node::process::Keeper> start_keeper(const char* verb) {
    return std::make_shared<node::process::Keeper>(node::process::Keeper::start(verb));
}

}  // namespace

std::optional<operation::Loaded> enter_network(const std::filesystem::path& config_file) {
    // The names of `announce` are looked up while there is neither a key nor a sandbox.
    const bool exits = config_of(config_file).is_exit();
    node::process::ask_for_no_other_host();  // the file may be edited while the relay waits
    const auto names = exits ? start_keeper(io::name_keeper_verb) : nullptr;
    const auto dials = exits ? start_keeper(io::dial_keeper_verb) : nullptr;
    const auto load = [&] { return operation::load_all(config_file, node::process::wall_now()); };
    const auto why = operation::waits_for_authority(config_file, node::process::wall_now());
    std::optional<operation::Loaded> loaded;
    if (!why) loaded = load();
    operation::own_build();           // the sandbox closes the program's file
    operation::confine(config_file);  // before the key store starts a thread
    if (why) {
        log(Level::info, "waits until a network document lists this relay: " + *why);
        if (!Joining{config_file}.run()) return std::nullopt;
        loaded = load();
    }
    if (loaded->config.is_exit() && !exits)
        throw node::process::StartupError{
            node::process::ExitCode::failure,
            config_file.string() +
                ": `exit` was added while the relay waited for its network; "
                "start the relay again"};
    loaded->self_test = operation::own_self_test();
    loaded->name_keeper = names;
    loaded->dial_keeper = dials;
    return loaded;
}

void check_relay(const std::filesystem::path& config_file) {
    operation::load_all(config_file, node::process::wall_now());
}

}  // namespace nightjar::relay
