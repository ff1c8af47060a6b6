// A relay before it can run: it has no valid document yet, or is not listed. It keeps its keys up
// to date, sends its descriptors to its network's authority, and fetches documents until one lists
// it.
#pragma once

#include <filesystem>
#include <string>

#include "relay/operation/config.hpp"

namespace nightjar::relay {

/// Returns true once the relay can run, false if a signal has ended the process's work before. The
/// control socket answers `status` meanwhile. `why`: what it waits for, for the log. Precondition:
/// the anchors name a service. Throws node::process::StartupError.
bool join_network(const std::filesystem::path& config_file, const std::string& why);

}  // namespace nightjar::relay
