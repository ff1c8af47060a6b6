// What the two verbs of nightjar-authority do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "relay/authority/description.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::authority {

namespace fs = std::filesystem;

/// Makes the folder (mode 0700) if there is none, and a fresh key in it; its public half. KeyError
/// if there is one already.
base::NodeId init(const fs::path& folder);

struct Signed {
    directory::Document document;
    directory::Anchors anchors;
};

/// Reads the keys of every authority, signs the document of the description with each and checks
/// that clients will take it. Writes nothing.
Signed sign(const std::vector<fs::path>& folders, const fs::path& description, Which which,
            base::Wall now);

/// Writes `document` and `network.yaml` into the folder, which is made if there is none.
void write(const Signed& made, const fs::path& folder);

}  // namespace nightjar::authority
