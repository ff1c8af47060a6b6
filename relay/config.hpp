// relay.yaml: every key has a default, unknown ones are refused (docs/operating.md lists them).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "relay/exit_policy.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay {

struct RelayConfig {
    std::string name = "relay";  // for people: [a-z0-9-], at most 32
    directory::Role role = directory::Role::mix;
    std::uint8_t layer = 1;  // 1 to 3 for a mix, 0 for a gateway
    std::vector<directory::Endpoint> listen{{"127.0.0.1", 9001}};
    std::vector<directory::Endpoint> announce;  // what the descriptor says; empty: as listen
    std::filesystem::path data_dir = ".";       // identity.key, link.key, descriptor
    std::filesystem::path runtime_dir = "/run/nightjar-relay";  // a tmpfs: epoch keys, filters
    std::filesystem::path network = "network.yaml";             // trust anchors
    std::filesystem::path document = "document";                // the signed network document
    std::filesystem::path control;               // status socket; default: in the runtime dir
    std::uint32_t packets_per_second = 1000;     // what the replay filters are sized for
    std::uint32_t workers = 2;                   // threads that unwrap
    std::optional<directory::Endpoint> metrics;  // loopback only; nothing: off
    std::vector<ExitRule> exit_rules;            // none: not an exit
    std::vector<std::string> exit_policy;        // the same, as written
    std::vector<IpEndpoint> dns_servers;         // none: those of the system
    bool exit_allow_loopback = false;            // only in a network whose document says lab
    double lab_drop_share = 0;                   // the same

    bool is_exit() const { return !exit_policy.empty(); }
    const std::vector<directory::Endpoint>& announced() const {
        return announce.empty() ? listen : announce;
    }
};

/// Relative paths count from the file's folder. Throws node::ConfigError: "file:line:column: what
/// is wrong; how to mend it".
RelayConfig load_config(const std::filesystem::path& file);
/// The same for a text; `file` is its name and folder.
RelayConfig parse_config(const std::filesystem::path& file, std::string_view text);

/// What `init` writes: a configuration that parse_config() reads back, with a comment per key.
std::string sample_config(const RelayConfig& config);

/// Keys that differ and cannot be changed while the relay runs.
std::vector<std::string> needs_restart(const RelayConfig& old, const RelayConfig& changed);

}  // namespace nightjar::relay
