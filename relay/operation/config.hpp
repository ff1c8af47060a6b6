// The configuration file relay.yaml. Every key has a default; unknown keys are an error.
// docs/operating.md lists all keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "relay/core/exit_policy.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::operation {

/// How metrics are shown (docs/metrics.md).
struct MetricsRules {
    base::Seconds window{3600};          // not below 15 min, unless the network document says lab
    bool exact = true;                   // in a lab: exact values too
    std::filesystem::path socket;        // a unix socket instead of a port; empty: none
    std::filesystem::path token_file;    // holds the bearer token; empty: none is needed
    std::vector<base::IpNetwork> allow;  // who may connect; empty: everyone who can
    /// TLS, with certificates on both sides: all three files, or none. PEM.
    std::filesystem::path tls_certificate;  // of the relay, with what it was signed by
    std::filesystem::path tls_key;
    std::filesystem::path tls_clients;  // the authorities that sign clients' certificates
    bool has_tls() const { return !tls_certificate.empty(); }
    bool operator==(const MetricsRules&) const = default;
};

/// A name of this relay's own, and the port.
struct NamedEndpoint {
    std::string host;  // base::is_host_name, without a final dot, in lower case
    std::uint16_t port = 0;
    auto operator<=>(const NamedEndpoint&) const = default;
};

struct RelayConfig {
    std::string name = "relay";  // shown to people only: [a-z0-9-], at most 32 characters
    directory::Role role = directory::Role::mix;
    std::uint8_t layer = 1;  // 1 to 3 for a mix, 0 for a gateway
    std::vector<directory::Endpoint> listen{{"127.0.0.1", 9001}};
    /// Addresses for the descriptor, and names that find_announced() replaces by their addresses.
    /// Both empty: as listen.
    std::vector<directory::Endpoint> announce;
    std::vector<NamedEndpoint> announce_names;
    std::vector<directory::Endpoint> announce_found;  // of announce_names; not from the file
    std::filesystem::path data_dir = ".";             // identity.key, link.key, descriptor
    std::filesystem::path runtime_dir = "/run/nightjar-relay";  // a tmpfs: epoch keys, filters
    std::filesystem::path network = "network.yaml";             // trust anchors
    std::filesystem::path document = "document";                // the signed network document
    std::filesystem::path control;  // status socket; default: in the runtime dir
    /// The expected load, for which the replay filters are made. nullopt: what follows from the
    /// network document (startup.hpp).
    std::optional<std::uint32_t> packets_per_second;
    /// The most packets a second that the descriptor offers. nullopt: what the machine does.
    std::optional<std::uint32_t> capacity;
    /// The line's traffic in a month, in bytes, in and out together: it lowers the capacity that is
    /// announced, and nothing else. nullopt: no cap.
    std::optional<std::uint64_t> traffic_month;
    std::string country;                       // in the descriptor; two letters; empty: none
    std::uint32_t workers = 2;                 // threads that unwrap packets
    std::optional<std::uint32_t> clients_max;  // links of clients; nullopt: all it can serve
    /// Beyond loopback only with an allow-list and a token or TLS. nullopt: off, or a unix socket.
    std::optional<directory::Endpoint> metrics;
    MetricsRules metrics_rules;
    std::vector<core::ExitRule> exit_rules;     // empty: not an exit
    std::vector<std::string> exit_policy;       // the same rules, as written in the file
    std::vector<base::IpEndpoint> dns_servers;  // empty: the system's servers
    bool exit_allow_loopback = false;           // allowed only if the network document says lab
    double lab_drop_share = 0;                  // allowed only if the network document says lab

    bool serves_metrics() const { return metrics || !metrics_rules.socket.empty(); }
    /// Windows of the metrics are counted: to be served, or for the month's cap.
    bool keeps_windows() const { return serves_metrics() || traffic_month; }
    bool is_exit() const { return !exit_policy.empty(); }
    /// Precondition: find_announced(), if there are names.
    std::vector<directory::Endpoint> announced() const;
};

/// Relative paths are resolved against the folder of the file. Throws node::ConfigError with the
/// text "file:line:column: what is wrong; how to fix it".
RelayConfig load_config(const std::filesystem::path& file);
/// Does the same with a text that is already in memory. `file` gives the name for errors and the
/// folder for relative paths.
RelayConfig parse_config(const std::filesystem::path& file, std::string_view text);

/// The file that `init` writes: parse_config() can read it back, and comments explain its keys.
std::string sample_config(const RelayConfig& config);

/// The keys whose values differ and that cannot change while the relay runs.
std::vector<std::string> needs_restart(const RelayConfig& old, const RelayConfig& changed);

}  // namespace nightjar::relay::operation
