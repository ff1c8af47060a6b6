// The relay's identity: its long-lived keys, and its own descriptor.
#pragma once

#include <filesystem>

#include "relay/config.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay {

struct Identity {
    base::Secret<32> identity_seed;  // Ed25519; signs the descriptors
    base::Secret<32> link_seed;      // Ed25519; key of the link certificate
    base::NodeId id;
    base::LinkKey link_key;

    /// Creates both key files in the folder. Throws node::KeyError, also if a file already exists.
    static Identity create(const std::filesystem::path& folder);
    /// Reads both key files. Throws node::KeyError.
    static Identity load(const std::filesystem::path& folder);
};

/// The relay's descriptor without mix keys.
directory::Relay describe(const RelayConfig& config, const Identity& identity);

/// Replaces the file atomically: a reader sees either the old or the new content. `Disk::wait`
/// returns only when the data is on disk, which may take longer than the mix may pause. Throws
/// std::system_error.
enum class Disk { wait, go_on };
void replace_file(const std::filesystem::path& file, std::string_view text, Disk disk);

}  // namespace nightjar::relay
