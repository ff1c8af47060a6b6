// `nightjar routes`: the relays that this client keeps, and what an attacker with some of the
// network's relays would learn of it over time (docs/client.md, "Routes"). Reads the state
// directory; it asks neither the client nor the network.
#pragma once

#include "client/operation/config.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

/// `bad`: the attacker's share of the relays' capacity, above 0 and below 1. Throws
/// node::process::StartupError if the client has kept no relays yet, or a file is damaged.
node::process::ExitCode show_routes(const Config& config, double bad, bool json);

}  // namespace nightjar::client::operation
