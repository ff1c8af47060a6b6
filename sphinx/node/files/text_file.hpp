// Reads whole files that have a bound. Any thread; waits for the disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "sphinx/base/result.hpp"

namespace nightjar::node::files {

/// The bytes of a regular file, which may be a symbolic link's target. Of a file of more than
/// `size_max` bytes the first size_max + 1 come back, so that the caller's parser can refuse it.
/// Fails with the system's error, and with std::errc::invalid_argument if it is no regular file.
base::Result<std::string, std::error_code> read_file(const std::filesystem::path& file,
                                                     std::size_t size_max);

}  // namespace nightjar::node::files
