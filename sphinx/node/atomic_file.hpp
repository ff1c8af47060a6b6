// Writing files that other processes may read at the same time.
#pragma once

#include <filesystem>
#include <string_view>

namespace nightjar::node {

/// Writes `text` to a temporary file beside `file`, flushes it to disk, and renames it to `file`. A
/// reader, or a start after a power cut, sees the old or the new content, never a mixture. Throws
/// std::system_error that names the file.
void write_file_atomically(const std::filesystem::path& file, std::string_view text,
                           unsigned mode = 0644);

}  // namespace nightjar::node
