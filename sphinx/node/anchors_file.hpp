// The trust anchors as a file (`network.yaml`): what `nightjar-authority sign` writes beside the
// document, and what a relay's or client's `init --network FILE` takes in.
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

namespace nightjar::node {

/// Strict YAML; throws ConfigError.
directory::Anchors load_anchors(const std::filesystem::path& file);

/// Replaces the file whole (a reader sees the old or the new one, never half). Throws
/// std::system_error.
void save_anchors(const std::filesystem::path& file, const directory::Anchors& anchors);

}  // namespace nightjar::node
