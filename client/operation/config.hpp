// The client's configuration file, client.yaml. Every key has a default; unknown keys are refused.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/protocol/early_success.hpp"
#include "client/protocol/listener_options.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/endpoint.hpp"

namespace nightjar::client::operation {

struct Config {
    std::filesystem::path network;  // the trust anchors
    /// SOCKS5 and HTTP CONNECT; at least one.
    std::vector<protocol::ListenerOptions> listeners;
    const char* listeners_key = "listen";  // where the file has them: `listen` or `listeners`
    bool allow_remote = false;             // listeners that are neither loopback nor a unix socket
    /// Opened over the control socket; not of the file. They stay when the client begins again.
    std::vector<protocol::ListenerOptions> opened;
    protocol::EarlySuccess early_success = protocol::EarlySuccess::web;
    std::optional<directory::Endpoint> metrics;  // loopback; empty: off
    std::string exit_country;                    // two letters; empty: exits of all countries
    std::filesystem::path state_dir;
    std::filesystem::path control_socket;
    base::Seconds ready_timeout{120};  // zero: wait without a limit
};

/// Paths in the file are relative to the file's directory. Throws node::ConfigError.
Config load_config(const std::filesystem::path& file);

/// $XDG_CONFIG_HOME/nightjar, else ~/.config/nightjar. Throws node::ConfigError without either.
std::filesystem::path default_dir();

/// Creates `dir` with network.yaml (a copy of the anchors, after they were checked) and
/// client.yaml, which listens on `listen`. Never overwrites a file.
/// Throws node::StartupError.
void init(const std::filesystem::path& dir, const std::filesystem::path& network,
          const directory::Endpoint& listen);

}  // namespace nightjar::client::operation
