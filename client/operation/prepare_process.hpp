// What the client's process gives up, and what it asks for, before it starts a thread.
#pragma once

#include "client/operation/config.hpp"

namespace nightjar::client::operation {

/// Starts libsodium, forbids core dumps, raises the limit of open files, takes short time slices,
/// creates the state directory and enters the sandbox, which lets the process change files only
/// there and beside the control socket. Throws node::StartupError, std::system_error or
/// std::runtime_error.
void prepare_process(const Config& config);

}  // namespace nightjar::client::operation
