// Where a relay keeps epoch keys and replay filters: memory that looks like a directory. It must
// survive the process and die with the power, so it has to be a tmpfs (or ramfs) of our own.
#pragma once

#include <filesystem>

namespace nightjar::node {

/// Makes the directory (mode 0700) if there is none, then checks it: a directory, not a link to
/// one, ours, mode 0700, on tmpfs or ramfs. Otherwise a KeyError (exit 5) that says which and how
/// to mend it.
void prepare_runtime_dir(const std::filesystem::path& directory);

}  // namespace nightjar::node
