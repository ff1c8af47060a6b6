// Which session each isolation key uses (docs/traffic-law.md section 2, Isolation). The first keys
// own a session each; a further key shares one of theirs. A keyed hash chooses it, so the choice
// stays the same while the sessions do, and an application cannot choose whose session it shares.
//
// Bounded: a key without streams is forgotten after a while, and the one unused for longest when
// there are too many. Pure, one thread. `random` must outlive this object.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/core/slot_packet.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::client::core {

/// Selects a stream's session. Streams with equal keys share an exit session, its routes and SURBs.
/// The empty key is that of programs without credentials: it always has the shared session.
using IsolationKey = std::string;

/// A key that has had no stream for this long is forgotten.
inline constexpr base::Seconds forget_key_after{600};
/// More than there can be streams, so one of the keys has none.
inline constexpr std::size_t isolation_keys_max = 2048;

class IsolationKeys {
 public:
    explicit IsolationKeys(base::Random& random) : random_{random} {}

    /// The key's session; empty if the key has none.
    std::optional<SessionHandle> find(const IsolationKey& key) const;
    /// Gives the key a session of its own.
    void own(const IsolationKey& key, SessionHandle session, base::Mono now);
    /// Lets the key share one of `sessions`, and returns it. The key keeps the session that it has
    /// if that is among them. Precondition: `sessions` is not empty.
    SessionHandle share(const IsolationKey& key, const std::vector<SessionHandle>& sessions,
                        base::Mono now);

    /// Counts as one stream of the key while it lives. Precondition: the key has a session.
    using Use = std::shared_ptr<const void>;
    Use use(const IsolationKey& key, base::Mono now);

    /// Forgets the keys of a session that has ended.
    void ended(SessionHandle session);
    /// Forgets keys without streams. Call it now and then.
    void forget_idle(base::Mono now);
    void clear() { keys_.clear(); }

    struct Known {
        IsolationKey key;
        SessionHandle session = loops_handle;
        bool owner = false;
        std::size_t streams = 0;
    };
    /// Those with the most streams first, `most` at most. Only these are copied: a key may have
    /// 8 KB, and there may be isolation_keys_max.
    std::vector<Known> list(std::size_t most) const;
    std::size_t size() const { return keys_.size(); }
    /// The number of keys that have no session of their own.
    std::size_t sharing() const;

 private:
    struct Key {
        SessionHandle session = loops_handle;
        bool owner = false;
        base::Mono used{};                                         // when it last had a stream
        std::shared_ptr<char> streams = std::make_shared<char>();  // each is one more reference
        bool idle() const { return streams.use_count() == 1; }
    };
    Key& at(const IsolationKey& key, base::Mono now);
    std::size_t weight(const IsolationKey& key, SessionHandle session) const;

    base::Random& random_;
    std::optional<base::KeyedHash> hash_;  // drawn when the first key has to share
    std::map<IsolationKey, Key> keys_;
};

}  // namespace nightjar::client::core
