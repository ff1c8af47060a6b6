// What an authority is told about its network: a YAML file written by hand (docs/directory.md),
// and the descriptors that it names.
#pragma once

#include <filesystem>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::authority {

enum class Which { current, next };  // of the epochs, by the wall clock

/// Reads the description and every descriptor that it names, relative to its own folder, and puts
/// together the document of the epoch, unsigned. For the next epoch the file read is the
/// descriptor's name with ".next" behind it. Throws ConfigError: one line, with the place in
/// the description or the descriptor. A document that should not be signed (directory::problems)
/// is such an error too.
directory::Document read_description(const std::filesystem::path& file, Which which,
                                     base::Wall now);

}  // namespace nightjar::authority
