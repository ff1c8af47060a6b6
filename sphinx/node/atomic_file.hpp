// Files that others read while we write them.
#pragma once

#include <filesystem>
#include <string_view>

namespace nightjar::node {

/// Writes `text` beside the file, through to the disk, and then puts it in the file's place: a
/// reader, and a start after a power cut, sees the old file or the new one, never half. Throws
/// std::system_error that names the file.
void write_file_atomically(const std::filesystem::path& file, std::string_view text,
                           unsigned mode = 0644);

}  // namespace nightjar::node
