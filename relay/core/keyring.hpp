// The mix keys by epoch, each with its own replay filter. A key and its filter are added and
// removed together, so a filter is never older than its key. Pure: `key_store` keeps them across
// restarts. One thread; workers read the keys themselves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "relay/core/replay_filter.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay::core {

struct MixKeyPair {
    base::Epoch epoch;
    packet::KeyPair keys;
};

class Keyring {
 public:
    /// `grace`: how long a key is accepted after its epoch (the longest route delay).
    Keyring(base::Seconds epoch_length, base::Nanoseconds grace);

    /// Sets the longest route delay of a newer document, also for the keys that are already here.
    /// Never shortens it: packets on their way were built by the older document.
    void lengthen(base::Nanoseconds grace);

    /// Adds a key with its filter. If there is already a key of that epoch, both arguments are
    /// ignored.
    void add(std::shared_ptr<const MixKeyPair> key, std::unique_ptr<ReplayFilter> seen);

    /// Returns the one key that the epoch byte of a cell names, if it is accepted at `now`: from 60
    /// s before its epoch (inclusive) until `grace` after it (exclusive). A forged packet is
    /// therefore tried with one key, never with several.
    std::shared_ptr<const MixKeyPair> find(std::uint8_t epoch_low_byte, base::Wall now) const;

    /// The filter of a key; nullptr if the key has been forgotten.
    ReplayFilter* filter(base::Epoch epoch);
    /// True if a filter holds `packets` tags or more, or its last part far more than it is made
    /// for.
    bool filter_full(std::uint64_t packets) const;

    /// Removes the keys and filters that are no longer accepted, and returns their epochs. A key is
    /// wiped when the last worker that uses it releases it.
    std::vector<base::Epoch> forget(base::Wall now);
    /// Removes one key and its filter, if they are here.
    void drop(base::Epoch epoch);
    std::vector<base::Epoch> epochs() const;

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Entry {
        std::shared_ptr<const MixKeyPair> key;
        std::unique_ptr<ReplayFilter> seen;
    };
    bool ended(base::Epoch epoch, base::Wall now) const;

    base::Seconds epoch_length_;
    base::Nanoseconds grace_;
    std::map<base::Epoch, Entry> entries_;
};

}  // namespace nightjar::relay::core
