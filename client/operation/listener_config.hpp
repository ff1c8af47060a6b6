// One listener for applications: an item of `listeners` in client.yaml, or the parameters of the
// control socket's `open_listener`. One reader takes both, so both have the same rules.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "client/protocol/listener_options.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/node/config/strict_yaml.hpp"

namespace nightjar::client::operation {

/// Open at once, of the configuration and of the control socket together.
inline constexpr std::size_t listeners_max = 16;

/// Refuses a path that no socket can have. Throws node::ConfigError.
void check_socket_path(const node::config::YamlValue& value, const std::filesystem::path& path);

/// Reads all keys of `map`. A relative path of a unix socket starts at `base`. Throws
/// node::ConfigError.
protocol::ListenerOptions read_listener(node::config::YamlMap map,
                                        const std::filesystem::path& base);

/// Neither loopback nor a unix socket.
bool is_remote(const protocol::ListenerOptions& listener);

/// The same from a JSON object, which is YAML too. The error is one line for the caller. Paths are
/// absolute; an address that is_remote() is refused unless `allow_remote`.
base::Result<protocol::ListenerOptions, std::string> listener_of_json(std::string_view object,
                                                                      bool allow_remote);

}  // namespace nightjar::client::operation
