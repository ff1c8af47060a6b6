// Zstandard (RFC 8878), in which documents and diffs travel over HTTPS. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nightjar::node::https {

/// One frame with a checksum. Equal texts give equal bytes with one version of the library.
std::string zstd(std::string_view text);

/// nullopt for what is not one whole frame with nothing behind it, has more than `size_max` bytes,
/// or needs a dictionary or a window above 8 MiB (the most that RFC 9659 allows in HTTP). Memory is
/// bounded by `size_max` and that window, whatever the frame says of itself.
std::optional<std::string> unzstd(std::string_view packed, std::size_t size_max);

}  // namespace nightjar::node::https
