// Gathers what a relay's keys and files are, for `disclose`. I/O thread only.
#pragma once

#include <filesystem>

#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/disclosure.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay {

/// Everything but what the data plane holds and the page of metrics. A relay that waits for its
/// network has neither.
operation::DisclosureFacts disclosure_facts(const operation::RelayConfig& config,
                                            const std::filesystem::path& config_file,
                                            const directory::Parameters& law,
                                            const core::Keyring& keyring,
                                            const keys::EpochKeys& keys,
                                            const keys::KeyStore& store);

}  // namespace nightjar::relay
