// The client's composition root: one core, one link to its gateway, the SOCKS5 port and the control
// socket. The law runs by one timer that only writes what the core made beforehand.
#pragma once

#include "client/config.hpp"
#include "sphinx/node/exit_code.hpp"

namespace nightjar::client {

/// Runs until SIGINT or SIGTERM (ExitCode::ok). Prints `nightjar ready SOCKS5 ADDRESS:PORT` when
/// the first reply has come back. Throws node::StartupError where it cannot start, has no valid
/// document, or is not ready in time.
node::ExitCode run_daemon(const Config& config);

}  // namespace nightjar::client
