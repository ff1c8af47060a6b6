#include "relay/operation/startup.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include "relay/metrics/declarations.hpp"
#include "relay/operation/authority_contact.hpp"
#include "relay/operation/build.hpp"
#include "relay/operation/process_facts.hpp"
#include "sphinx/directory/key_times.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/files/runtime_dir.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/host_addresses.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::operation {

namespace {

[[noreturn]] void refuse(const std::string& line) {
    throw node::process::ConfigError{line};
}

std::string role_text(directory::Role role, int layer) {
    if (role == directory::Role::gateway) return "a gateway";
    return "a mix in layer " + std::to_string(layer);
}

/// What a client costs the replay filters of its gateway. It may send that much, and about as much
/// is sent to it.
double packets_of_client(const directory::Parameters& parameters) {
    return 2 * core::admitted_per_second(parameters);
}

base::IpEndpoint to_ip(const directory::Endpoint& endpoint) {
    return {base::IpAddress::parse(endpoint.host).value_or(base::IpAddress{}), endpoint.port};
}

}  // namespace

Loaded load_all(const std::filesystem::path& config_file, base::Wall now) {
    auto config = load_config(config_file);
    find_announced(config);
    auto identity = keys::Identity::load(config.data_dir);
    auto anchors = node::config::load_anchors_file(config.network);
    DocumentFile file{config.document, anchors.anchors};
    auto document = file.load(now, {});
    check_fit(config, identity, *document.document);
    return {std::move(config), std::move(anchors),  std::move(identity),
            std::move(file),   std::move(document), {}};
}

std::optional<std::string> waits_for_authority(const std::filesystem::path& config_file,
                                               base::Wall now) {
    const auto config = load_config(config_file);
    const auto identity = keys::Identity::load(config.data_dir);
    const auto anchors = node::config::load_anchors_file(config.network);
    if (anchors.services.empty()) return std::nullopt;
    begin_next_document(config.document, anchors.anchors, now);
    directory::SignedDocument document;
    try {
        document = DocumentFile{config.document, anchors.anchors}.load(now, {});
    } catch (const node::process::StartupError& error) {
        return error.what();
    }
    try {
        check_fit(config, identity, *document.document);
    } catch (const node::process::NotReady& error) {
        return error.what();
    }
    return std::nullopt;
}

void check_fit(const RelayConfig& config, const keys::Identity& identity,
               const directory::Document& document) {
    const auto epoch = std::to_string(document.epoch.value);
    const auto* listed = document.find(identity.id);
    if (listed == nullptr) {
        throw node::process::NotReady{
            "the network document of epoch " + epoch + " does not list this relay; give " +
            (config.data_dir / "descriptor").string() + " to the authorities"};
    }
    if (listed->link_key != identity.link_key) {
        throw node::process::KeyError{
            (config.data_dir / "link.key").string() +
            ": the network document lists another link key for this relay; "
            "restore the key from a backup, or have the new descriptor signed"};
    }
    // Several authorities choose a mix's layer themselves.
    if (listed->role != config.role) {
        refuse("the configuration says " + role_text(config.role, config.layer) +
               ", the network document says " + role_text(listed->role, listed->layer) +
               "; change `role`, or have the new descriptor signed");
    }
    if (document.parameters.lab) {
        if (config.metrics && config.metrics_rules.exact &&
            !to_ip(*config.metrics).address.is_loopback()) {
            refuse(
                "metrics.listen: exact values of a lab are for this machine only; add "
                "`exact: false`, or use a loopback address");
        }
        return;
    }
    if (config.exit_allow_loopback) {
        refuse(
            "exit.allow_loopback is only for networks whose signed document says lab; remove "
            "it");
    }
    if (config.lab_drop_share > 0) {
        refuse("lab.drop_share is only for networks whose signed document says lab; remove it");
    }
    if (config.keeps_windows() && config.metrics_rules.window < metrics::window_least) {
        refuse(
            "metrics.window below 15m is only for networks whose signed document says lab: "
            "shorter ones show single uploads; use 1h");
    }
}

void check_successor(const directory::Document& held, const directory::Document& newer) {
    if (directory::conflict(newer, held)) {
        throw node::process::ConfigError{
            "two different network documents of epoch " + std::to_string(held.epoch.value) +
            " are signed: keeping the one in use; ask the authorities why"};
    }
    if (newer.parameters.epoch_length != held.parameters.epoch_length) {
        throw node::process::ConfigError{
            "the new network document has another epoch length: restart the relay to take it"};
    }
}

std::filesystem::path evidence_folder(const RelayConfig& config) {
    return config.data_dir / "evidence";
}

std::filesystem::path month_file(const RelayConfig& config) {
    return config.data_dir / "traffic_month";
}

std::optional<directory::Descriptor> last_descriptor(const RelayConfig& config) {
    const auto text =
        node::files::read_file(config.data_dir / "descriptor", directory::descriptor_size_max);
    if (!text) return std::nullopt;
    auto parsed = directory::parse_descriptor(*text);
    if (!parsed) return std::nullopt;
    return *std::move(parsed);
}

CapacityFacts capacity_facts(const RelayConfig& config) {
    const auto before = last_descriptor(config);
    return {own_self_test().packets_per_second,
            config.workers,
            std::max(1u, std::thread::hardware_concurrency()),
            config.capacity,
            before ? before->capacity : 0,
            config.traffic_month};
}

double loops_through(directory::Role role, std::uint8_t layer,
                     const directory::Document& document) {
    const auto here = std::count_if(
        document.relays.begin(), document.relays.end(),
        [&](const auto& relay) { return relay.role == role && relay.layer == layer; });
    if (here == 0) return 0;
    return document.parameters.relay_loops.per_second() *
           static_cast<double>(document.relays.size()) / static_cast<double>(here);
}

void find_announced(RelayConfig& config) {
    config.announce_found.clear();
    for (const auto& named : config.announce_names) {
        const auto addresses = node::process::host_addresses(named.host);
        if (!addresses)
            throw node::process::NotReady{
                "`announce` names " + named.host +
                ", and this machine does not find its address (" + addresses.error() +
                "): get online, or write the address instead of the name"};
        for (const auto& address : *addresses) {
            const auto text = address.to_text();
            if (text == "0.0.0.0" || text == "::")
                refuse(
                    "`announce` names " + named.host +
                    ", which has the address 0.0.0.0 or [::]; others cannot reach a relay there");
            config.announce_found.push_back({text, named.port});
        }
    }
    if (config.announced().size() > directory::addresses_max)
        refuse("the names of `announce` have more than 8 addresses; give fewer names");
}

directory::Descriptor describe(const RelayConfig& config, const keys::Identity& identity) {
    directory::Descriptor self;
    self.build = own_build();
    auto& relay = self.relay;
    relay.identity = identity.id;
    relay.role = config.role;
    relay.layer = config.layer;
    relay.addresses = config.announced();
    relay.link_key = identity.link_key;
    relay.name = config.name;
    relay.exit_policy = policy_summary(config.exit_rules);
    relay.country = config.country;
    relay.optional = {{"version", program_version}};
    self.capacity = announced_capacity(capacity_facts(config));
    return self;
}

core::ExitPolicy make_exit_policy(const RelayConfig& config, const directory::Document& document) {
    core::ExitPolicyOptions options;
    for (const auto* addresses : {&config.listen, &config.announce, &config.announce_found})
        for (const auto& endpoint : *addresses)
            options.own.push_back(to_ip(endpoint));
    if (config.metrics) options.own.push_back(to_ip(*config.metrics));
    options.allow_loopback = config.exit_allow_loopback && document.parameters.lab;
    return core::ExitPolicy{config.exit_rules, std::move(options)};
}

core::State state_by(const directory::Document& document, bool ours, base::Wall now) {
    if (now >= document.valid_until) return core::State::document_expired;
    // Keys of its epoch are accepted for a while before it begins, so a small error of the clock
    // does no harm.
    const auto early = directory::KeyTimes::of(document.parameters.epoch_length).early;
    if (now < document.valid_from - early) return core::State::document_early;
    return ours ? core::State::active : core::State::not_listed;
}

bool version_recommended(const directory::Document& document) {
    const auto& versions = document.recommended_versions;
    return versions.empty() ||
           std::find(versions.begin(), versions.end(), program_version) != versions.end();
}

node::process::Sandbox enter_sandbox(const std::filesystem::path& config_file,
                                     const RelayConfig& config, bool fetches) {
    node::files::prepare_runtime_dir(config.runtime_dir);
    const node::config::Evidence makes_its_folder{evidence_folder(config)};
    node::process::SandboxOptions files;
    for (const auto& file : {config_file, config.network, config.document}) {
        std::error_code ignored;
        files.read.push_back(std::filesystem::absolute(file, ignored).parent_path());
        files.read.push_back(std::filesystem::weakly_canonical(file, ignored).parent_path());
    }
    if (config.is_exit()) {
        // Often a link to a folder below /run. Its folder: programs replace the file by a new one.
        std::error_code ignored;
        const auto list = std::filesystem::weakly_canonical("/etc/resolv.conf", ignored);
        files.read.push_back(list.parent_path());
    }
    files.write = {config.data_dir, config.runtime_dir,
                   std::filesystem::absolute(config.control).parent_path()};
    if (const auto& socket = config.metrics_rules.socket; !socket.empty())
        files.write.push_back(std::filesystem::absolute(socket).parent_path());
    if (fetches) files.write.push_back(std::filesystem::absolute(config.document).parent_path());
    const auto entered = node::process::enter_sandbox(files);
    note_sandbox(entered);
    return entered;
}

void confine(const std::filesystem::path& config_file) {
    const auto config = load_config(config_file);
    const auto anchors = node::config::load_anchors_file(config.network);
    enter_sandbox(config_file, config, !anchors.services.empty());
}

base::Seconds key_time(const directory::Parameters& parameters) {
    const auto early = directory::KeyTimes::of(parameters.epoch_length).early;
    return parameters.epoch_length + std::chrono::ceil<base::Seconds>(early) +
           std::chrono::ceil<base::Seconds>(parameters.key_grace());
}

std::uint32_t packets_per_second(const RelayConfig& config, const directory::Document& document) {
    if (config.packets_per_second) return *config.packets_per_second;
    constexpr double clients_of_gateway = 50;
    const auto listed = [&document](directory::Role role, int layer) {
        return std::count_if(document.relays.begin(), document.relays.end(), [&](const auto& one) {
            return one.role == role && one.layer == layer;
        });
    };
    auto rate = clients_of_gateway * packets_of_client(document.parameters);
    const auto gateways = listed(directory::Role::gateway, 0);
    const auto mixes = listed(directory::Role::mix, config.layer);
    if (config.role == directory::Role::mix && gateways > 0 && mixes > 0)
        rate *= static_cast<double>(gateways) / static_cast<double>(mixes);
    return static_cast<std::uint32_t>(std::clamp(std::round(rate), 1.0, 1e6));
}

core::ReplayRoom replay_room(const RelayConfig& config, const directory::Document& document) {
    return {static_cast<double>(packets_per_second(config, document)),
            key_time(document.parameters)};
}

std::uint64_t packets_per_key(const RelayConfig& config, const directory::Document& document) {
    return std::uint64_t{packets_per_second(config, document)} *
           static_cast<std::uint64_t>(key_time(document.parameters).count());
}

std::size_t clients_max(const RelayConfig& config, const directory::Document& document) {
    if (config.clients_max) return *config.clients_max;
    const auto& parameters = document.parameters;
    // 1,000 clients with D = 60 kept 54 % of a core busy with their downlinks: 9 us a cell, nearly
    // all of it system calls. A cell up costs about the same.
    constexpr double seconds_per_cell = 10e-6;
    constexpr double share = 0.75;
    const auto cells_per_second = parameters.down.per_second() +
                                  parameters.main_slots.per_second() +
                                  parameters.client_loops.per_second();
    const auto of_thread = share / (seconds_per_cell * cells_per_second);
    const auto of_filters = packets_per_second(config, document) / packets_of_client(parameters);
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::min(of_thread, of_filters)));
}

std::optional<std::string> clients_warning(const RelayConfig& config,
                                           const directory::Document& document) {
    if (config.role != directory::Role::gateway) return std::nullopt;
    const auto clients = clients_max(config, document);
    const auto needed =
        std::ceil(static_cast<double>(clients) * packets_of_client(document.parameters));
    if (needed <= packets_per_second(config, document)) return std::nullopt;
    return "the replay filters are too small for " + std::to_string(clients) +
           " clients, so packets will be dropped when they are connected: set "
           "`packets_per_second` to " +
           std::to_string(static_cast<std::uint64_t>(needed)) + " or more, or lower `clients_max`";
}

void log_start_warnings(const RelayConfig& config, const directory::Document& document,
                        bool memory_locked) {
    using node::process::Level;
    if (!memory_locked) {
        node::process::log(Level::warning,
                           "the system does not let this process lock its keys and replay filters "
                           "in memory; raise its limit (LimitMEMLOCK=64M), or turn swap off");
    }
    if (const auto text = capacity_warning(capacity_facts(config)))
        node::process::log(Level::warning, *text);
    const auto loops = loops_through(config.role, config.layer, document);
    if (const auto fault = month_fault(config.traffic_month, loops))
        node::process::log(Level::warning, fault->what + "; " + fault->mend);
    if (const auto text = clients_warning(config, document))
        node::process::log(Level::warning, *text);
}

}  // namespace nightjar::relay::operation
