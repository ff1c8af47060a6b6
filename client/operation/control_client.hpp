// The client end of the control socket. `nightjar status` and `nightjar ping` use it.
#pragma once

#include <filesystem>
#include <string_view>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

/// Prints the running client's state as text, or as the answer's JSON object if `json`. Throws
/// node::StartupError (exit code 1) if no client answers.
node::process::ExitCode show_status(const std::filesystem::path& socket, bool json);

/// Sends `count` pings one after the other and prints each one's round trip and route. Returns
/// ExitCode::failure if any of them gets no answer.
node::process::ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json);

}  // namespace nightjar::client::operation
