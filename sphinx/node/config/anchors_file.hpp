// The file of trust anchors (`network.yaml`). `nightjar-authority` writes it, and `init --network
// FILE` of a relay or client reads it.
//
//     network: demo
//     authorities:
//       - <64 hexadecimal digits: Ed25519 key>
//     gateways:
//       - identity: <64 hexadecimal digits>
//         address: 192.0.2.1:9001
//         link_key: <64 hexadecimal digits>
//     services:                             # for relays only; absent: documents come by hand
//       - address: 192.0.2.9:8443
//         key: <64 hexadecimal digits: Ed25519 key of its TLS certificate>
//     epoch_length: 1h                      # for relays that have no document yet
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::node::config {

/// Where an authority takes descriptors and hands out documents, over HTTPS.
struct Service {
    directory::Endpoint address;
    base::LinkKey key;  // what its TLS certificate must show
    bool operator==(const Service&) const = default;
};

/// The whole file.
struct AnchorsFile {
    directory::Anchors anchors;
    std::vector<Service> services;
    std::optional<base::Seconds> epoch_length;
    bool operator==(const AnchorsFile&) const = default;
};

/// Reads the file as strict YAML. There may be no gateways if there is a service: a new network
/// has none yet. Throws ConfigError.
AnchorsFile load_anchors_file(const std::filesystem::path& file);
/// The anchors alone, for a client: there is at least one gateway. Throws ConfigError.
directory::Anchors load_anchors(const std::filesystem::path& file);

/// Replaces the file atomically (a reader sees the old or the new content, never a mixture). Throws
/// std::system_error.
void save_anchors_file(const std::filesystem::path& file, const AnchorsFile& content);
void save_anchors(const std::filesystem::path& file, const directory::Anchors& anchors);

}  // namespace nightjar::node::config
