// Who may read a relay's metrics, from its configuration. Any thread.
#pragma once

#include "relay/operation/config.hpp"
#include "sphinx/node/scrape/metrics_http.hpp"

namespace nightjar::relay::operation {

/// Reads the token's file: one line of 32 to 256 letters, digits and -._~+/=, which only its owner
/// may read. Makes the TLS context of the three files of TLS. Throws node::process::StartupError.
node::scrape::HttpAccess metrics_access(const MetricsRules& rules);

}  // namespace nightjar::relay::operation
