// Where others dial a relay. Pure; any thread.
#pragma once

#include <vector>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// The relay's addresses on the internet, in its order. If it has none, all that it has: a network
/// on one machine. A relay announces what it likes, and authorities list it if one address answers
/// with its key (docs/directory.md). Without this rule a gateway could have its clients, and them
/// alone, knock at any address of the networks that they are in. At least one.
std::vector<Endpoint> dialled_addresses(const Relay& relay);

}  // namespace nightjar::directory
