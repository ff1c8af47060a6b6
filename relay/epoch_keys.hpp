// Keeps the keyring in step with the clock: mix keys of this epoch and the two after it, so that
// the authorities can sign the next document before its epoch begins; keys whose time has ended are
// wiped. Says so in the descriptors:
//
//   DATA_DIR/descriptor         for the document of this epoch
//   DATA_DIR/descriptor.next    for the one after it
//
// I/O thread only.
#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "relay/identity.hpp"
#include "relay/key_store.hpp"
#include "relay/keyring.hpp"

namespace nightjar::relay {

class EpochKeys {
 public:
    /// All references outlive it. `self`: what the descriptors say, but for the mix keys.
    EpochKeys(KeyStore& store, Keyring& keyring, const Identity& identity, directory::Relay self,
              std::filesystem::path data_dir, base::Seconds epoch_length);

    /// Call at start-up and every few seconds. Throws what KeyStore::take and replace_file throw.
    void maintain(base::Wall now);

    /// True if `listed` (this relay in a document of epoch `at`) has our keys, as far as their time
    /// has not ended.
    bool matches(const directory::Relay& listed, base::Epoch at) const;
    /// Our public key of an epoch; zeros if there is none.
    base::MixKey public_key(base::Epoch epoch) const;
    /// When the newest key ends.
    base::Wall expiry() const;

 private:
    bool take(base::Epoch epoch);
    void write_descriptor(const char* name, base::Epoch epoch) const;

    KeyStore& store_;
    Keyring& keyring_;
    const Identity& identity_;
    directory::Relay self_;
    std::filesystem::path data_dir_;
    base::Seconds epoch_length_;
    std::map<base::Epoch, base::MixKey> public_keys_;
    std::optional<base::Epoch> described_;  // what the descriptors were last written for
};

}  // namespace nightjar::relay
