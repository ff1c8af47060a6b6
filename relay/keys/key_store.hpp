// Stores epoch keys and their replay filters across restarts of the process, as files in the
// runtime directory, a tmpfs. They survive a crash: a filter is mapped memory, and a tag is in it
// before its packet is acted on. They are lost when the power goes. A key and its filter are always
// kept and lost together, so a filter is never older than its key.
//
//   EPOCHLENGTH-EPOCH.key    key_file's format, kind mix
//   EPOCHLENGTH-EPOCH.tags   the filter's bits
//   lock                     locked by the one process that uses the directory
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "relay/core/keyring.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/files/unique_fd.hpp"

namespace nightjar::relay::keys {

class KeyStore {
 public:
    /// Prepares and locks the directory. `packets`: the number of packets that a new filter is
    /// sized for. Throws node::KeyError (exit code 5) if the directory is not our own tmpfs,
    /// node::StartupError if another process has locked it.
    KeyStore(std::filesystem::path directory, base::Seconds epoch_length, std::uint64_t packets);

    struct Stored {
        std::shared_ptr<const core::MixKeyPair> key;
        std::unique_ptr<core::ReplayFilter> seen;  // maps its file, and unmaps it when destroyed
        bool fresh = false;                        // created by this call: no document lists it yet
    };
    /// Returns the key of an epoch, and creates it if there is none. A key is wiped and created
    /// anew if its filter is missing, or if a version with another filter layout has used it.
    /// Throws node::KeyError, std::system_error (no space, no permission).
    Stored take(base::Epoch epoch);

    /// Overwrites and removes the files of an epoch. Precondition: the caller has released what
    /// take() returned.
    void wipe(base::Epoch epoch);
    /// Wipes the keys of all epochs before `first`, keys for any other epoch length, and keys that
    /// a version with another filter layout has used.
    void wipe_before(base::Epoch first);

    /// The epochs for which a key is stored.
    std::vector<base::Epoch> epochs() const;
    const std::filesystem::path& directory() const { return directory_; }
    /// False if the system has refused to lock a key or filter in memory: it may then be swapped
    /// out.
    bool memory_locked() const { return memory_locked_; }

 private:
    std::filesystem::path file(base::Epoch epoch, const char* extension) const;
    void make(base::Epoch epoch);

    std::filesystem::path directory_;
    base::Seconds epoch_length_;
    std::size_t filter_bytes_;
    node::files::UniqueFd lock_;
    bool memory_locked_ = true;
};

}  // namespace nightjar::relay::keys
