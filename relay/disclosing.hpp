// Gathers what a relay's keys and files are, for `disclose` and `status`. I/O thread only.
#pragma once

#include <filesystem>

#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/disclosure.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay {

/// All secrets of the relay, and its replay filters, are in memory that is never swapped.
bool secrets_locked(const keys::Identity& identity, const keys::KeyStore& store);

/// Everything but what the data plane holds and the page of metrics. A relay that waits for its
/// network has neither.
operation::DisclosureFacts disclosure_facts(const operation::RelayConfig& config,
                                            const std::filesystem::path& config_file,
                                            const directory::Parameters& law,
                                            const core::Keyring& keyring,
                                            const keys::EpochKeys& keys, bool memory_locked);

}  // namespace nightjar::relay
