// A relay before it can run: it has no valid document yet, or is not listed. It keeps its keys up
// to date, sends its descriptors to its network's authority, and fetches documents until one lists
// it. And a check of what a start reads, without one.
#pragma once

#include <filesystem>
#include <optional>

#include "relay/operation/startup.hpp"

namespace nightjar::relay {

/// Makes the process ready: starts an exit's keepers of helpers before a key is read, enters the
/// sandbox, and waits, if need be, until the relay can run. The control socket answers `status`
/// meanwhile. nullopt if a signal has ended the process's work before. Call it while the process
/// has one thread. Throws node::process::StartupError.
std::optional<operation::Loaded> enter_network(const std::filesystem::path& config_file);

/// Checks the configuration, keys, anchors and document as a start would, without starting.
/// Throws what a start would throw. Changes nothing.
void check_relay(const std::filesystem::path& config_file);

}  // namespace nightjar::relay
