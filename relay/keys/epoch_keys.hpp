// Keeps the keyring in step with the clock. It holds the mix keys of this epoch and of the next
// two, so that the authorities can sign the next document before its epoch begins. It wipes keys
// that are no longer accepted. It publishes the keys in two descriptors:
//
//   DATA_DIR/descriptor         for the document of this epoch
//   DATA_DIR/descriptor.next    for the document of the next epoch
//
// A key's life is also bounded by CLOCK_BOOTTIME, which nothing can set back. Its end by that clock
// is fixed when the key is made, and kept across restarts (clock_record.hpp).
//
// I/O thread only.
#pragma once

#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "relay/core/keyring.hpp"
#include "relay/keys/clock_record.hpp"
#include "relay/keys/identity.hpp"
#include "relay/keys/key_store.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::keys {

/// The time by which keys are made and wiped (node::process::ClockGuard).
struct KeyTime {
    base::Wall wall;         // the kept time
    base::Nanoseconds boot;  // CLOCK_BOOTTIME
    bool jumped = false;     // the wall clock says another time: nothing is wiped by `wall`
};

class EpochKeys {
 public:
    /// Every reference must outlive this object. `self` is the content of the descriptors without
    /// the epoch, the time and the mix keys.
    EpochKeys(KeyStore& store, core::Keyring& keyring, const Identity& identity,
              directory::Descriptor self, std::filesystem::path data_dir,
              base::Seconds epoch_length);

    /// A key that lives so long after its epoch, by the boot clock, is wiped whatever the wall
    /// clock says. A clock that jumps stands for ten minutes at most before it counts; the rest is
    /// for the time of grace.
    static constexpr base::Seconds overrun_max{900};

    /// Call every few seconds, before maintain(): shortly before an epoch begins, another thread
    /// makes the filter that maintain() will then need.
    void prepare(const KeyTime& now);
    /// So long before an epoch begins.
    static constexpr base::Seconds prepare_ahead{60};

    /// Call at start-up and every few seconds. Throws what KeyStore::take, KeyStore::wipe,
    /// KeyStore::check_growth, read_clock_record and replace_file throw. A key that could not be
    /// wiped is tried again in each call; the others are wiped, and new keys made, all the same.
    void maintain(const KeyTime& now);

    /// `listed` is this relay's entry in a document of epoch `at`. Returns true if its mix keys are
    /// ours. A key that is no longer accepted is not compared.
    bool matches(const directory::Relay& listed, base::Epoch at) const;
    /// Our public key of an epoch; all zeros if there is none.
    base::MixKey public_key(base::Epoch epoch) const;
    /// The end of the newest key's epoch.
    base::Wall expiry() const;
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    void load(const KeyTime& now);
    void end(base::Epoch epoch);
    void wipe(base::Epoch epoch);
    std::exception_ptr wipe_ended();
    void renew(const KeyTime& now);
    bool take(base::Epoch epoch, const KeyTime& now);
    void record(const KeyTime& now);
    void write_descriptor(const char* name, base::Epoch epoch, const KeyTime& now) const;

    KeyStore& store_;
    core::Keyring& keyring_;
    const Identity& identity_;
    directory::Descriptor self_;
    std::filesystem::path data_dir_;
    base::Seconds epoch_length_;
    std::map<base::Epoch, base::MixKey> public_keys_;
    std::map<base::Epoch, std::shared_ptr<const core::MixKeyPair>> secrets_;  // of public_keys_
    std::set<base::Epoch> to_wipe_;         // ended, and still in the store
    ClockRecord record_;                    // of the keys in public_keys_ and to_wipe_
    ClockRecord written_;                   // what the file says
    std::optional<base::Epoch> described_;  // the epoch for which the descriptors were last written
};

}  // namespace nightjar::relay::keys
