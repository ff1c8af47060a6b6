// The files of a relay, as a seizure would find them, for `disclose`: read from the folders when it
// is asked. A file that no part of the relay writes is called unknown: a backup, a core, a log that
// was put there. Opens no file and reads no content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "relay/operation/config.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// What an operator could be ordered to hand over with this file.
enum class FileKind { known_public, long_lived_key, epoch_key, replay_filter, running, unknown };

struct DisclosedFile {
    std::filesystem::path path;
    FileKind kind = FileKind::unknown;
    std::string holds;
    base::Epoch epoch{};  // of an epoch_key or replay_filter
    std::uintmax_t size = 0;
    base::Seconds age{0};  // since the last change
};

/// All entries of the data and runtime directories, and the configuration, anchors and document
/// where they are elsewhere. Ordered by path. A folder is one entry, and is not entered. A file
/// that cannot be examined is listed as unknown. `now`: the wall clock.
std::vector<DisclosedFile> disclosed_files(const RelayConfig& config,
                                           const std::filesystem::path& config_file,
                                           base::Wall now);

}  // namespace nightjar::relay::operation
