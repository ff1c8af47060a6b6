// The running relay: wires the parts together, and is the only place that knows both clocks.
//
// One I/O thread owns everything; workers only unwrap. Start-up does all that can fail before
// anything runs; the order of the end stands in daemon.cpp.
#pragma once

#include <filesystem>

#include "sphinx/node/exit_code.hpp"

namespace nightjar::relay {

/// Runs until SIGTERM or SIGINT; SIGHUP reloads. Throws node::StartupError and what else start-up
/// throws. Prints "nightjar-relay NAME ready" once it listens and has a network document.
node::ExitCode run_relay(const std::filesystem::path& config_file);

/// What run_relay() would refuse to start with, without starting: configuration, keys, anchors and
/// document. Changes nothing.
void check_relay(const std::filesystem::path& config_file);

}  // namespace nightjar::relay
