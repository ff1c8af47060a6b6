#include "client/core/isolation.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

#include "sphinx/base/bytes.hpp"

namespace nightjar::client::core {

std::optional<SessionHandle> IsolationKeys::find(const IsolationKey& key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : std::optional{found->second.session};
}

void IsolationKeys::own(const IsolationKey& key, SessionHandle session, base::Mono now) {
    auto& entry = at(key, now);
    entry.session = session;
    entry.owner = true;
}

/// Each session is drawn for the key by a hash of both, and the highest hash wins. So only the keys
/// of a session that ends move to others.
SessionHandle IsolationKeys::share(const IsolationKey& key,
                                   const std::vector<SessionHandle>& sessions, base::Mono now) {
    assert(!sessions.empty());
    if (const auto known = find(key); known && std::ranges::count(sessions, *known) > 0)
        return *known;
    if (!hash_) hash_.emplace(random_);
    auto& entry = at(key, now);
    entry.owner = false;
    entry.session = *std::ranges::max_element(
        sessions, {}, [&](SessionHandle session) { return weight(key, session); });
    return entry.session;
}

std::size_t IsolationKeys::weight(const IsolationKey& key, SessionHandle session) const {
    return (*hash_)(base::as_bytes(key + '\0' + std::to_string(session)));
}

IsolationKeys::Use IsolationKeys::use(const IsolationKey& key, base::Mono now) {
    auto& entry = keys_.at(key);
    entry.used = now;
    return entry.streams;
}

IsolationKeys::Key& IsolationKeys::at(const IsolationKey& key, base::Mono now) {
    if (!keys_.contains(key) && keys_.size() >= isolation_keys_max) {
        auto oldest = keys_.end();
        for (auto entry = keys_.begin(); entry != keys_.end(); ++entry) {
            if (!entry->second.idle() || entry->second.owner) continue;
            if (oldest == keys_.end() || entry->second.used < oldest->second.used) oldest = entry;
        }
        if (oldest != keys_.end()) keys_.erase(oldest);
    }
    auto& entry = keys_[key];
    entry.used = now;
    return entry;
}

void IsolationKeys::ended(SessionHandle session) {
    std::erase_if(keys_, [session](const auto& entry) { return entry.second.session == session; });
}

/// A key that owns a session is forgotten with that session: it would get another one if it came
/// back.
void IsolationKeys::forget_idle(base::Mono now) {
    for (auto& [key, entry] : keys_)
        if (!entry.idle()) entry.used = now;
    std::erase_if(keys_, [now](const auto& entry) {
        return !entry.second.owner && now - entry.second.used > forget_key_after;
    });
}

std::vector<IsolationKeys::Known> IsolationKeys::list(std::size_t most) const {
    std::vector<decltype(keys_)::const_pointer> order;
    for (const auto& entry : keys_)
        order.push_back(&entry);
    // A stable sort leaves those of one number in the order of their keys, and reads no key.
    std::ranges::stable_sort(order, std::greater{},
                             [](const auto* entry) { return entry->second.streams.use_count(); });
    if (order.size() > most) order.resize(most);
    std::vector<Known> known;
    for (const auto* entry : order)
        known.push_back({entry->first, entry->second.session, entry->second.owner,
                         static_cast<std::size_t>(entry->second.streams.use_count() - 1)});
    return known;
}

std::size_t IsolationKeys::sharing() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(keys_, [](const auto& entry) { return !entry.second.owner; }));
}

}  // namespace nightjar::client::core
