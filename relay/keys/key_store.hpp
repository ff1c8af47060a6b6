// Stores epoch keys and their replay filters across restarts of the process, as files in the
// runtime directory, a tmpfs. They survive a crash: a filter is mapped memory, and a tag is in it
// before its packet is acted on. They are lost when the power goes. A key and its filter are always
// kept and lost together, so a filter is never older than its key.
//
//   EPOCHLENGTH-EPOCH.key       key_file's format, kind mix
//   EPOCHLENGTH-EPOCH.part0     the bits of the filter's parts, in the order in which they were
//   added EPOCHLENGTH-EPOCH.part1 … EPOCHLENGTH-EPOCH.growing   the part that will be added next:
//   all zeros spare                       the first part for a key that does not exist yet: all
//   zeros lock                        locked by the one process that uses the directory
//
// A filter of a busy relay has 100 MB and more. To make, unmap or overwrite a part takes long, so a
// thread of the store does that (docs/decisions/0035, 0043). It touches only files that are not in
// use. A part gets its name before its first tag: whatever has tags is found after a crash.
//
// I/O thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

#include "relay/core/keyring.hpp"
#include "relay/keys/stored_filter.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/files/unique_fd.hpp"

namespace nightjar::relay::keys {

class KeyStore {
 public:
    /// Prepares and locks the directory. `packets`: the number of packets that a filter is made
    /// for. Throws node::KeyError (exit code 5) if the directory is not our own tmpfs,
    /// node::StartupError if another process has locked it.
    KeyStore(std::filesystem::path directory, base::Seconds epoch_length, std::uint64_t packets);
    /// Waits until everything that was wiped is overwritten.
    ~KeyStore();
    KeyStore(const KeyStore&) = delete;
    KeyStore& operator=(const KeyStore&) = delete;

    struct Stored {
        std::shared_ptr<const core::MixKeyPair> key;
        std::unique_ptr<core::ReplayFilter> seen;  // maps its files; the store's thread unmaps them
        bool fresh = false;                        // created by this call: no document lists it yet
    };
    /// Returns the key of an epoch, and creates it if there is none. A key is wiped and created
    /// anew if a part of its filter is missing, or if a version with another filter layout has used
    /// it.
    /// Throws node::KeyError, std::system_error (no space, no permission).
    Stored take(base::Epoch epoch);
    /// Begins to make the filter for the next key that take() will create, and returns at once. If
    /// this was not called, or has not ended, take() waits for the filter. It takes memory from now
    /// on.
    void prepare();
    /// True if take() would not wait for the filter of a new key.
    bool prepared() const;

    /// Throws the reason why a filter could not grow, once for each attempt that failed. Until an
    /// attempt succeeds, its last part takes more tags than it is made for.
    void check_growth();

    /// Overwrites and removes the key's file, and removes those of its filter. The store's thread
    /// then overwrites the filter; if the process ends before, the system frees that memory.
    /// Throws std::system_error, also for an earlier filter that could not be overwritten.
    /// Precondition: the caller has released what take() returned.
    void wipe(base::Epoch epoch);
    /// Waits until every filter that was wiped is overwritten. Throws like wipe().
    void finish_wiping();
    /// Wipes the keys of all epochs before `first`, keys for any other epoch length, and keys that
    /// a version with another filter layout has used.
    void wipe_before(base::Epoch first);

    /// The epochs for which a key is stored.
    std::vector<base::Epoch> epochs() const;
    const std::filesystem::path& directory() const { return directory_; }
    /// False if the system has refused to lock a key or filter in memory: it may then be swapped
    /// out.
    bool memory_locked() const { return filter_thread_->memory_locked; }

 private:
    std::filesystem::path file(base::Epoch epoch, const char* extension) const;
    std::size_t usable_parts(base::Epoch epoch) const;
    std::unique_ptr<MappedFile> make(base::Epoch epoch);
    std::filesystem::path spare_file() const { return directory_ / "spare"; }
    void wipe_later(const std::filesystem::path& file);

    std::filesystem::path directory_;
    base::Seconds epoch_length_;
    std::uint64_t packets_;
    node::files::UniqueFd lock_;
    std::future<std::unique_ptr<MappedFile>> spare_;  // of prepare(); mapped from spare_file()
    std::vector<std::future<void>> wiping_;
    std::shared_ptr<FilterThread> filter_thread_;
};

}  // namespace nightjar::relay::keys
