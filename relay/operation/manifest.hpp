// The manifest of a release: SHA-256 of each program in each package, as deploy/package writes it.
// `sha256sum -c MANIFEST` reads it as well, beside the unpacked packages. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/result.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::operation {

struct Packed {
    directory::BuildHash hash{};
    std::string path;  // PACKAGE_VERSION_ARCHITECTURE/usr/bin/PROGRAM
    bool operator==(const Packed&) const = default;
};
using Manifest = std::vector<Packed>;

inline constexpr std::size_t manifest_size_max = 64 * 1024;
inline constexpr std::size_t manifest_path_max = 255;

/// At least one line `HASH  PATH`: 64 lower-case digits, two spaces, a relative path of printable
/// ASCII without spaces. Sorted by path, each path once. The error is one line for a person.
base::Result<Manifest, std::string> parse_manifest(std::string_view text);

/// The entry of `program` with these bytes; nullptr if there is none. A manifest may hold the same
/// program for several architectures.
const Packed* find_build(const Manifest& manifest, std::string_view program,
                         const directory::BuildHash& hash);

}  // namespace nightjar::relay::operation
