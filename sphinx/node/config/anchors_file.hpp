// The file of trust anchors (`network.yaml`). `nightjar-authority sign` writes it beside the
// document, and `init --network FILE` of a relay or client reads it.
//
//     network: demo
//     authorities:
//       - <64 hexadecimal digits: Ed25519 key>
//     gateways:
//       - identity: <64 hexadecimal digits>
//         address: 192.0.2.1:9001
//         link_key: <64 hexadecimal digits>
#pragma once

#include <filesystem>

#include "sphinx/directory/quorum.hpp"

namespace nightjar::node::config {

/// Reads the file as strict YAML. Throws ConfigError.
directory::Anchors load_anchors(const std::filesystem::path& file);

/// Replaces the file atomically (a reader sees the old or the new content, never a mixture). Throws
/// std::system_error.
void save_anchors(const std::filesystem::path& file, const directory::Anchors& anchors);

}  // namespace nightjar::node::config
