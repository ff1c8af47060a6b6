// Files of listening unix sockets.
#pragma once

#include <filesystem>

namespace nightjar::node::process {

/// Removes the socket file that a killed process left, and no other file. False if a process
/// listens on it.
bool remove_stale_socket(const std::filesystem::path& path);

}  // namespace nightjar::node::process
