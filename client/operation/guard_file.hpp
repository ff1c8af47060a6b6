// The text of `guards.yaml` in the state directory: the exits and middle mixes that a client keeps
// for weeks (client/core/guards.hpp). Anyone who reads the file learns which exits and mixes this
// client uses, so it is for its owner only (docs/client.md).
#pragma once

#include <filesystem>
#include <string>

#include "client/core/guards.hpp"

namespace nightjar::client::operation {

std::string to_text(const core::GuardState& state);

/// Throws ConfigError with one line: the file is of another version, is larger than 64 KiB, or is
/// not what to_text() writes. The state may still be impossible; Guards::restore() mends that.
core::GuardState load_guards(const std::filesystem::path& file);

}  // namespace nightjar::client::operation
