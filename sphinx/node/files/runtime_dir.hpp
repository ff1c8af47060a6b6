// The directory of a relay's epoch keys and replay filters. Its content must survive the process
// and be lost when the power goes, so it has to be our own directory on tmpfs (or ramfs).
#pragma once

#include <filesystem>

namespace nightjar::node::files {

/// Creates the directory (mode 0700) if it does not exist, then checks it: a directory and no
/// symbolic link, owned by this user, mode 0700, on tmpfs or ramfs. Otherwise throws KeyError (exit
/// code 5) that says what is wrong and how to fix it.
void prepare_runtime_dir(const std::filesystem::path& directory);

}  // namespace nightjar::node::files
