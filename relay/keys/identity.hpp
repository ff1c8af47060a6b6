// The relay's identity: its long-lived keys, and its own descriptor.
#pragma once

#include <filesystem>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/locked.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::relay::keys {

struct Identity {
    base::Locked<base::Secret<32>> identity_seed;  // Ed25519; signs the descriptors
    base::Locked<base::Secret<32>> link_seed;      // Ed25519; key of the link certificate
    base::NodeId id;
    base::LinkKey link_key;

    /// Creates both key files in the folder. Throws node::KeyError, also if a file already exists.
    static Identity create(const std::filesystem::path& folder);
    /// Reads both key files. Throws node::KeyError.
    static Identity load(const std::filesystem::path& folder);
    /// Both secrets are in memory that is never swapped.
    bool locked() const { return identity_seed.locked() && link_seed.locked(); }
};

}  // namespace nightjar::relay::keys
