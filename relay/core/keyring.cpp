#include "relay/core/keyring.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/directory/key_times.hpp"

namespace nightjar::relay::core {

Keyring::Keyring(base::Seconds epoch_length, base::Nanoseconds grace)
    : epoch_length_{epoch_length}, grace_{grace} {
    assert(epoch_length_.count() > 0 && grace_.count() >= 0);
}

void Keyring::lengthen(base::Nanoseconds grace) {
    grace_ = std::max(grace_, grace);
}

void Keyring::add(std::shared_ptr<const MixKeyPair> key, std::unique_ptr<ReplayFilter> seen) {
    assert(key && seen);
    // Never replace the filter of a key in use: the new one would not know the tags already seen.
    entries_.try_emplace(key->epoch, Entry{key, std::move(seen)});
}

bool Keyring::ended(base::Epoch epoch, base::Wall now) const {
    return now >= directory::epoch_start(epoch.next(), epoch_length_) + grace_;
}

std::shared_ptr<const MixKeyPair> Keyring::find(std::uint8_t epoch_low_byte, base::Wall now) const {
    const auto early = directory::KeyTimes::of(epoch_length_).early;
    // Epochs with the same low byte are 256 apart, so at most one of them is accepted at a time.
    for (const auto& [epoch, entry] : entries_) {
        if (epoch.low_byte() != epoch_low_byte || ended(epoch, now)) continue;
        if (now >= directory::epoch_start(epoch, epoch_length_) - early) return entry.key;
    }
    return nullptr;
}

ReplayFilter* Keyring::filter(base::Epoch epoch) {
    const auto found = entries_.find(epoch);
    return found == entries_.end() ? nullptr : found->second.seen.get();
}

bool Keyring::filter_full(std::uint64_t packets) const {
    return std::any_of(entries_.begin(), entries_.end(), [packets](const auto& item) {
        const auto& seen = *item.second.seen;
        return seen.tags() >= packets || seen.overfull();
    });
}

std::vector<base::Epoch> Keyring::forget(base::Wall now) {
    std::vector<base::Epoch> gone;
    std::erase_if(entries_, [&](const auto& item) {
        if (!ended(item.first, now)) return false;
        gone.push_back(item.first);
        return true;
    });
    return gone;
}

void Keyring::drop(base::Epoch epoch) {
    entries_.erase(epoch);
}

std::vector<base::Epoch> Keyring::epochs() const {
    std::vector<base::Epoch> all;
    for (const auto& item : entries_)
        all.push_back(item.first);
    return all;
}

void Keyring::list_holdings(base::Holdings& out) const {
    const auto& [epoch_length, grace, entries] = *this;
    out.push_back(
        {"Keyring.entries", "keys", entries.size(),
         "a secret mix key, which opens the packets of its epoch, and a filter with a few "
         "bits of each packet's tag",
         false});
}

}  // namespace nightjar::relay::core
