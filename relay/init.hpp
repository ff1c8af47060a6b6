// `nightjar-relay init`: a new relay's folder.
#pragma once

#include <filesystem>
#include <iosfwd>

#include "relay/config.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay {

struct InitOptions {
    std::filesystem::path folder;
    RelayConfig config;  // what relay.yaml will say; its paths count from `folder`
    base::Seconds epoch_length{3600};
};

/// Makes identity.key, link.key and relay.yaml in the folder, the epoch keys in the runtime
/// directory, and the descriptors that the authorities sign. Never overwrites a key or a
/// configuration. Throws node::StartupError. Says on `out` what it made.
void init_relay(const InitOptions& options, base::Wall now, std::ostream& out);

}  // namespace nightjar::relay
