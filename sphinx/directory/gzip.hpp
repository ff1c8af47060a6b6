// gzip (RFC 1952), in which documents and diffs travel. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nightjar::directory {

/// Equal texts give equal bytes: no time is stored.
std::string gzip(std::string_view text);

/// nullopt for what is not one whole gzip stream, or has more than `size_max` bytes. Memory is
/// bounded by `size_max` and a window of 32 KiB, whatever the stream says of itself.
std::optional<std::string> gunzip(std::string_view packed, std::size_t size_max);

}  // namespace nightjar::directory
