#include "relay/keys/epoch_keys.hpp"

#include <algorithm>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/node/files/atomic_file.hpp"

namespace nightjar::relay::keys {

EpochKeys::EpochKeys(KeyStore& store, core::Keyring& keyring, const Identity& identity,
                     directory::Descriptor self, std::filesystem::path data_dir,
                     base::Seconds epoch_length)
    : store_{store},
      keyring_{keyring},
      identity_{identity},
      self_{std::move(self)},
      data_dir_{std::move(data_dir)},
      epoch_length_{epoch_length} {}

/// Returns true if the key was created by this call. An ended key is not used again: it is wiped
/// first.
bool EpochKeys::take(base::Epoch epoch, const KeyTime& now) {
    if (to_wipe_.contains(epoch)) wipe(epoch);
    auto stored = store_.take(epoch);
    public_keys_[epoch] = stored.key->keys.public_key;
    secrets_[epoch] = stored.key;
    keyring_.add(std::move(stored.key), std::move(stored.seen));
    if (stored.fresh || !record_.ends.contains(epoch)) {
        const auto left = directory::epoch_start(epoch.next(), epoch_length_) - now.wall;
        record_.ends[epoch] = std::chrono::floor<base::Milliseconds>(now.boot) + left;
    }
    return stored.fresh;
}

void EpochKeys::prepare(const KeyTime& now) {
    const auto soon = directory::epoch_at(now.wall + prepare_ahead, epoch_length_);
    if (!public_keys_.empty() && !public_keys_.contains(soon.next().next())) store_.prepare();
}

/// Loads the keys that an earlier run left. The key of the previous epoch may still be accepted.
void EpochKeys::load(const KeyTime& now) {
    record_ = written_ = read_clock_record(store_.directory());
    if (!now.jumped) {
        const auto current = directory::epoch_at(now.wall, epoch_length_);
        store_.wipe_before({current.value - std::min<std::uint32_t>(current.value, 1)});
    }
    const auto stored = store_.epochs();
    std::erase_if(record_.ends, [&](const auto& end) {
        return std::find(stored.begin(), stored.end(), end.first) == stored.end();
    });
    for (const auto epoch : stored)
        take(epoch, now);
}

void EpochKeys::end(base::Epoch epoch) {
    public_keys_.erase(epoch);
    secrets_.erase(epoch);
    to_wipe_.insert(epoch);
}

void EpochKeys::wipe(base::Epoch epoch) {
    store_.wipe(epoch);
    record_.ends.erase(epoch);
    to_wipe_.erase(epoch);
}

/// Tries every ended key, whatever happens to the others. Returns the first error.
std::exception_ptr EpochKeys::wipe_ended() {
    std::exception_ptr error;
    for (const auto epoch : std::set{to_wipe_}) {
        try {
            wipe(epoch);
        } catch (const std::exception&) {
            if (!error) error = std::current_exception();
        }
    }
    return error;
}

/// Writes the record if it says something new. The difference of the clocks varies by milliseconds,
/// which is not worth a file.
void EpochKeys::record(const KeyTime& now) {
    if (!now.jumped || !record_.difference) {
        const auto difference =
            now.wall.time_since_epoch() - std::chrono::floor<base::Milliseconds>(now.boot);
        if (!record_.difference ||
            std::chrono::abs(difference - *record_.difference) > base::Seconds{1})
            record_.difference = difference;
    }
    if (record_ == written_) return;
    write_clock_record(store_.directory(), record_);
    written_ = record_;
}

void EpochKeys::maintain(const KeyTime& now) {
    if (public_keys_.empty()) load(now);
    if (!now.jumped)
        for (const auto gone : keyring_.forget(now.wall))
            end(gone);
    for (const auto epoch : keyring_.epochs()) {
        if (now.boot < record_.ends.at(epoch) + overrun_max) continue;
        keyring_.drop(epoch);
        end(epoch);
    }
    const auto error = wipe_ended();
    renew(now);  // the relay needs its next key even if an old one cannot be wiped
    if (error) std::rethrow_exception(error);
    store_.check_growth();
}

void EpochKeys::renew(const KeyTime& now) {
    const auto current = directory::epoch_at(now.wall, epoch_length_);
    bool made = false;
    for (auto epoch = current; epoch <= current.next().next(); epoch = epoch.next())
        if (!public_keys_.contains(epoch)) made = take(epoch, now) || made;
    record(now);
    if (described_ == current && !made) return;
    write_descriptor("descriptor", current, now);
    write_descriptor("descriptor.next", current.next(), now);
    described_ = current;
}

void EpochKeys::write_descriptor(const char* name, base::Epoch epoch, const KeyTime& now) const {
    auto self = self_;
    self.epoch = epoch;
    self.made = std::chrono::floor<base::Seconds>(now.wall);
    self.relay.mix_key = public_key(epoch);
    self.relay.next_mix_key = public_key(epoch.next());
    // No fsync: a power cut may lose this file, but it also destroys the keys that the file names.
    const auto text = directory::make_descriptor(
        self, {*identity_.identity_seed, *identity_.link_seed, secrets_.at(epoch)->keys.secret,
               secrets_.at(epoch.next())->keys.secret});
    node::files::replace_file(data_dir_ / name, text, node::files::Durability::rename_only);
}

bool EpochKeys::matches(const directory::Relay& listed, base::Epoch at) const {
    // A key that was already wiped was ours once. Only keys that future packets may use matter
    // here.
    const auto mine = public_keys_.find(at);
    const bool now = mine == public_keys_.end() || mine->second == listed.mix_key;
    const auto mine_next = public_keys_.find(at.next());
    return now && mine_next != public_keys_.end() && mine_next->second == listed.next_mix_key;
}

base::MixKey EpochKeys::public_key(base::Epoch epoch) const {
    const auto found = public_keys_.find(epoch);
    return found == public_keys_.end() ? base::MixKey{} : found->second;
}

base::Wall EpochKeys::expiry() const {
    if (public_keys_.empty()) return {};
    return directory::epoch_start(public_keys_.rbegin()->first.next(), epoch_length_);
}

void EpochKeys::list_holdings(base::Holdings& out) const {
    const auto& [store, keyring, identity, self, data_dir, epoch_length, public_keys, secrets,
                 to_wipe, record, written, described] = *this;
    out.push_back({"EpochKeys.secrets", "keys", secrets.size(),
                   "secret mix keys, the same objects as in Keyring.entries", false});
    out.push_back({"EpochKeys.to_wipe", "keys", to_wipe.size(),
                   "ended epochs whose key file could not be wiped yet; it is tried again", false});
}

}  // namespace nightjar::relay::keys
