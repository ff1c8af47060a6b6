// The files and folders of a relay: modes, owners, the runtime directory's kind, free space. Only
// looks; changes nothing.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "relay/doctor/finding.hpp"
#include "relay/doctor/limit_rules.hpp"
#include "relay/operation/config.hpp"

namespace nightjar::relay::doctor {

/// identity.key and link.key: regular files of `owner` that no other user may read.
Finding key_files(const std::filesystem::path& data_dir, uid_t owner);

/// The folder and files by which others could change what the relay does: the data folder, the
/// configuration, the trust anchors. No other user may write them.
Finding writable_by_others(const operation::RelayConfig& config,
                           const std::filesystem::path& config_file);

/// A folder of `owner` alone on a tmpfs. If it does not exist, `run` makes it.
Finding runtime_dir(const std::filesystem::path& directory, uid_t owner);

/// nullopt: there is no such folder, or it cannot be examined.
std::optional<Room> room(const std::filesystem::path& folder);

}  // namespace nightjar::relay::doctor
