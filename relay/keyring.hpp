// Mix keys by epoch, each with the replay filter of its own: the two live and die together, so a
// filter can never be older than its key. Pure; where they are kept between two runs of the
// process is `key_store`'s business. One thread; keys themselves are read by workers.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "relay/replay_filter.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay {

struct MixKeyPair {
    base::Epoch epoch;
    packet::KeyPair keys;
};

class Keyring {
 public:
    /// `grace`: how long after its epoch a key is still accepted (the longest route delay).
    Keyring(base::Seconds epoch_length, base::Nanoseconds grace);

    /// A newer document's longest route delay; holds for the keys that are here as well. Never
    /// shortens it: what is under way was made by the older document.
    void lengthen(base::Nanoseconds grace);

    /// Takes a key with the filter that belongs to it. A key of an epoch that is here already is
    /// ignored, filter and all.
    void add(std::shared_ptr<const MixKeyPair> key, std::unique_ptr<ReplayFilter> seen);

    /// The one key that a cell's epoch byte names, if it is accepted at `now`: from 60 s before its
    /// epoch (that instant too) until `grace` after it (that instant not). A forged packet is so
    /// tried against one key, never several.
    std::shared_ptr<const MixKeyPair> find(std::uint8_t epoch_low_byte, base::Wall now) const;

    /// The filter of a key; nullptr once the key has been forgotten.
    ReplayFilter* filter(base::Epoch epoch);

    /// Lets go of keys and filters whose time has ended; their epochs. A key is wiped when the last
    /// worker that still unwraps with it lets go as well.
    std::vector<base::Epoch> forget(base::Wall now);
    std::vector<base::Epoch> epochs() const;

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

}  // namespace nightjar::relay
