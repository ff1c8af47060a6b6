// Epoch keys and their replay filters between two runs of the process: files in the runtime
// directory, a tmpfs. They survive a crash, because a filter is mapped memory and every tag is in
// it before its packet is acted on; they die with the power; and they go together, so a filter can
// never be older than its key.
//
//   EPOCHLENGTH-EPOCH.key    key_file's format, kind mix
//   EPOCHLENGTH-EPOCH.tags   the filter's bits
//   lock                     held by the one process that uses the directory
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "relay/keyring.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/unique_fd.hpp"

namespace nightjar::relay {

class KeyStore {
 public:
    /// Prepares the directory and locks it. Throws node::KeyError if it is not a tmpfs of ours
    /// (exit 5), node::StartupError if another process holds it. `packets`: what a new filter is
    /// sized for.
    KeyStore(std::filesystem::path directory, base::Seconds epoch_length, std::uint64_t packets);

    struct Stored {
        std::shared_ptr<const MixKeyPair> key;
        std::unique_ptr<ReplayFilter> seen;  // maps its file; unmapped when destroyed
        bool fresh = false;                  // made just now: no document lists it yet
    };
    /// The key of an epoch, made if there is none. A key whose filter is gone, or that a version
    /// with another layout of filters has used, counts as none: it is wiped. Throws node::KeyError,
    /// std::system_error (no room, no rights).
    Stored take(base::Epoch epoch);

    /// Overwrites and removes the files of an epoch; the caller has let go of what take() gave.
    void wipe(base::Epoch epoch);
    /// Wipes the keys of all epochs before `first`, those of any other epoch length, and those that
    /// a version with another layout of filters has used.
    void wipe_before(base::Epoch first);

    /// Epochs that have a key here.
    std::vector<base::Epoch> epochs() const;
    /// False once the system refused to lock some of it in memory: it may then be swapped out.
    bool memory_locked() const { return memory_locked_; }

 private:
    std::filesystem::path file(base::Epoch epoch, const char* extension) const;
    void make(base::Epoch epoch);

    std::filesystem::path directory_;
    base::Seconds epoch_length_;
    std::size_t filter_bytes_;
    node::UniqueFd lock_;
    bool memory_locked_ = true;
};

}  // namespace nightjar::relay
