// `nightjar-relay init`: creates the folder of a new relay.
#pragma once

#include <filesystem>
#include <iosfwd>

#include "relay/operation/config.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::relay::operation {

struct InitOptions {
    std::filesystem::path folder;
    RelayConfig config;  // content of relay.yaml; its paths are relative to `folder`
    base::Seconds epoch_length{3600};
    bool json = false;  // print one line of JSON instead of text (docs/schemas/init.json)
};

/// Creates identity.key, link.key and relay.yaml in the folder, the epoch keys in the runtime
/// directory, and the descriptors for the authorities to sign. Never overwrites a key or a
/// configuration. Prints to `out` what it created. Throws node::StartupError.
void init_relay(const InitOptions& options, const node::process::ClockReading& now,
                std::ostream& out);

}  // namespace nightjar::relay::operation
