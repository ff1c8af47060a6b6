// The other end of the control socket: what `nightjar status` and `nightjar ping` ask with.
#pragma once

#include <filesystem>
#include <string_view>

#include "sphinx/node/exit_code.hpp"

namespace nightjar::client {

/// Prints the running client's state: text for people, or the answer's JSON object. Throws
/// node::StartupError: exit 1 if no client answers.
node::ExitCode show_status(const std::filesystem::path& socket, bool json);

/// Sends `count` pings one after the other and prints each one's round trip and route.
/// ExitCode::failure if one is not answered.
node::ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json);

}  // namespace nightjar::client
