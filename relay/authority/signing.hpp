// What makes a document valid: the key of an authority and its signature. Two commands of
// nightjar-authority do it by hand: init and sign.
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

/// The gateways of a document: from each of them the next document can be fetched.
std::vector<directory::Anchors::Gateway> gateways_of(const directory::Document& document);

/// Checks a signed document with the code that clients and relays use: one that they would refuse
/// must not leave this machine. Throws ConfigError.
void check_as_a_client(const directory::Document& document, const directory::Anchors& anchors,
                       base::Wall now);

/// Writes `document` and `network.yaml` into the folder, and creates the folder if it does not
/// exist.
void write(const Signed& made, const fs::path& folder);

}  // namespace nightjar::relay::authority
