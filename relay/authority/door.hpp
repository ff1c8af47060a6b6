// Which strangers may post a descriptor where admission is open (docs/directory.md, "Open
// admission"). Pure.
#pragma once

#include <string>

#include "sphinx/base/ip.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority {

/// Why the descriptor of a relay that no operator admitted does not count, for the relay's
/// operator; empty: it does. It must come from the prefix of its addresses: a stranger could
/// otherwise take the places of prefixes that it has no address in.
std::string door_fault(const directory::Relay& relay, const base::IpAddress& from);

}  // namespace nightjar::relay::authority
