// The client's composition root: one core, one link to its gateway, the SOCKS5 port and the control
// socket. One timer drives the traffic schedule: it seals each cell 10 ms before its slot, and a
// writer thread sends it at its time.
#pragma once

#include "client/operation/config.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client {

/// Runs until SIGINT or SIGTERM, then returns ExitCode::ok. Prints `nightjar ready SOCKS5
/// ADDRESS:PORT` when the first reply has arrived. Throws node::StartupError if it cannot start,
/// has no valid document, or is not ready within `ready_timeout`.
node::process::ExitCode run_daemon(const operation::Config& config);

}  // namespace nightjar::client
