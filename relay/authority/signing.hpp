// The two commands of nightjar-authority: init and sign.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "relay/authority/description.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;

/// Creates the folder (mode 0700) if it does not exist, and a new key in it. Returns the public
/// key. Throws KeyError if there is already a key.
base::NodeId init(const fs::path& folder);

struct Signed {
    directory::Document document;
    directory::Anchors anchors;
};

/// Reads the keys of every authority, signs the document of the description with each key, and
/// checks that clients will accept it. Writes nothing. Throws ConfigError, KeyError, UsageError.
Signed sign(const std::vector<fs::path>& folders, const fs::path& description, EpochChoice which,
            base::Wall now);

/// Writes `document` and `network.yaml` into the folder, and creates the folder if it does not
/// exist.
void write(const Signed& made, const fs::path& folder);

}  // namespace nightjar::relay::authority
