// The client's configuration: client.yaml, every key with a default, unknown keys refused.
#pragma once

#include <filesystem>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/endpoint.hpp"

namespace nightjar::client {

struct Config {
    std::filesystem::path network;  // the trust anchors
    directory::Endpoint listen;     // SOCKS5; port 0: any free one
    std::filesystem::path state_dir;
    std::filesystem::path control_socket;
    base::Seconds ready_timeout{120};  // zero: wait for ever
};

/// Paths in the file count from the file's own directory. Throws node::ConfigError.
Config load_config(const std::filesystem::path& file);

/// $XDG_CONFIG_HOME/nightjar, else ~/.config/nightjar. Throws node::ConfigError without either.
std::filesystem::path default_dir();

/// Makes DIR with network.yaml (checked anchors, copied) and client.yaml. Overwrites nothing.
/// Throws node::StartupError.
void init(const std::filesystem::path& dir, const std::filesystem::path& network,
          const directory::Endpoint& listen);

}  // namespace nightjar::client
