// The description of a network: a YAML file written by hand (docs/directory.md), and the descriptor
// files that it names.
#pragma once

#include <filesystem>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority {

enum class EpochChoice { current, next };  // which epoch, by the wall clock

/// Reads the description and every descriptor that it names, relative to its own folder. Returns
/// the unsigned document of the epoch. For the next epoch the descriptor's file name gets ".next"
/// appended. For the current epoch that file is read as well when the first one is of another
/// epoch: an operator may have fetched both just before the epochs changed. Throws ConfigError: one
/// line with the position in the description or the descriptor. A document that must not be signed
/// (directory::problems) is such an error too.
directory::Document read_description(const std::filesystem::path& file, EpochChoice which,
                                     base::Wall now);

}  // namespace nightjar::relay::authority
