// The running relay: connects the parts.
//
// The I/O thread owns every object; worker threads only unwrap packets, and one makes and wipes
// replay filters. Start-up completes every step that can fail before it starts any task. daemon.cpp
// documents the shutdown order.
#pragma once

#include <filesystem>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay {

/// Runs until SIGTERM or SIGINT; SIGHUP reloads the configuration. Prints "nightjar-relay NAME
/// ready" once the relay listens and has a network document. Throws node::StartupError, and
/// whatever else start-up throws.
node::process::ExitCode run_relay(const std::filesystem::path& config_file);

}  // namespace nightjar::relay
