// Files that others read while this program writes them.
#pragma once

#include <filesystem>
#include <string_view>

namespace nightjar::node::files {

/// What a power cut may take back.
enum class Durability {
    disk,         // nothing: waits for the disk, which may take a second
    rename_only,  // the new content: waits for no disk, so it may run beside the traffic law
};

/// Writes `text` to a temporary file in the same folder and renames it over `file`. A reader sees
/// the old content or the new one, never a part. After a power cut the same holds for `disk`; with
/// `rename_only` the file may then be empty. Throws std::system_error, which names the file; the
/// temporary file is removed.
void replace_file(const std::filesystem::path& file, std::string_view text, Durability durability,
                  unsigned mode = 0644);

}  // namespace nightjar::node::files
