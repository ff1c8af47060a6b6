#include "relay/disclosing.hpp"

#include "sphinx/node/link/key_memory.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::relay {

bool secrets_locked(const keys::Identity& identity, const keys::KeyStore& store) {
    return identity.locked() && store.memory_locked() && node::link::lock_key_memory();
}

operation::DisclosureFacts disclosure_facts(const operation::RelayConfig& config,
                                            const std::filesystem::path& config_file,
                                            const directory::Parameters& law,
                                            const core::Keyring& keyring,
                                            const keys::EpochKeys& keys, bool memory_locked) {
    operation::DisclosureFacts facts;
    facts.config = config;
    facts.config_file = config_file;
    facts.now = node::process::wall_now();
    facts.lab = law.lab;
    facts.epoch_length = law.epoch_length;
    facts.key_grace = law.key_grace();
    facts.key_epochs = keyring.epochs();
    facts.memory_locked = memory_locked;
    keys.list_holdings(facts.holdings);
    return facts;
}

}  // namespace nightjar::relay
