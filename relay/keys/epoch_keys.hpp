// Keeps the keyring in step with the clock. It holds the mix keys of this epoch and of the next
// two, so that the authorities can sign the next document before its epoch begins. It wipes keys
// that are no longer accepted. It publishes the keys in two descriptors:
//
//   DATA_DIR/descriptor         for the document of this epoch
//   DATA_DIR/descriptor.next    for the document of the next epoch
//
// I/O thread only.
#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "relay/core/keyring.hpp"
#include "relay/keys/identity.hpp"
#include "relay/keys/key_store.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::keys {

class EpochKeys {
 public:
    /// Every reference must outlive this object. `self` is the content of the descriptors without
    /// the mix keys.
    EpochKeys(KeyStore& store, core::Keyring& keyring, const Identity& identity,
              directory::Relay self, std::filesystem::path data_dir, base::Seconds epoch_length);

    /// Call at start-up and every few seconds. Throws what KeyStore::take and replace_file throw.
    void maintain(base::Wall now);

    /// `listed` is this relay's entry in a document of epoch `at`. Returns true if its mix keys are
    /// ours. A key that is no longer accepted is not compared.
    bool matches(const directory::Relay& listed, base::Epoch at) const;
    /// Our public key of an epoch; all zeros if there is none.
    base::MixKey public_key(base::Epoch epoch) const;
    /// The end of the newest key's epoch.
    base::Wall expiry() const;

 private:
    bool take(base::Epoch epoch);
    void write_descriptor(const char* name, base::Epoch epoch) const;

    KeyStore& store_;
    core::Keyring& keyring_;
    const Identity& identity_;
    directory::Relay self_;
    std::filesystem::path data_dir_;
    base::Seconds epoch_length_;
    std::map<base::Epoch, base::MixKey> public_keys_;
    std::optional<base::Epoch> described_;  // the epoch for which the descriptors were last written
};

}  // namespace nightjar::relay::keys
