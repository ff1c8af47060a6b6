// Who this relay is: its long-lived keys, and what it says of itself.
#pragma once

#include <filesystem>

#include "relay/config.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay {

struct Identity {
    base::Secret<32> identity_seed;  // Ed25519; signs descriptors
    base::Secret<32> link_seed;      // Ed25519; in the certificate of links
    base::NodeId id;
    base::LinkKey link_key;

    /// Makes both key files in the folder. Throws node::KeyError, also if one exists.
    static Identity create(const std::filesystem::path& folder);
    /// Throws node::KeyError.
    static Identity load(const std::filesystem::path& folder);
};

/// The relay as its descriptor has it, without mix keys.
directory::Relay describe(const RelayConfig& config, const Identity& identity);

/// Replaces the file whole: a reader sees the old or the new one. Throws std::system_error.
/// `Disk::wait` waits until a disk has it, which may take longer than the mix may stand still.
enum class Disk { wait, go_on };
void replace_file(const std::filesystem::path& file, std::string_view text, Disk disk);

}  // namespace nightjar::relay
