// The exits and middle mixes that a client uses for weeks (docs/traffic-law.md, "Routes that
// last").
//
// A client that draws a new exit and a new kept mix for every session meets, sooner or later, every
// bad one. So it draws few of them, at random and weighted by capacity, and keeps each for weeks.
// The rules are those of Tor's guards:
//
// - Of each list the first `exits` (or `mixes`) that can be used are in use. Later ones replace
//   them only while they fail.
// - A relay that is down, or missing from a document, stays in the list and is used again later.
// - A list is refilled where relays' times have ended, and grows where sessions need more exits at
//   once. A draw because others have failed is out of turn: at most two an hour. No list grows
//   beyond its full length. So an attacker who makes sessions fail cannot make the client try one
//   relay after the other.
//
// Pure, one thread. Decisions depend on documents, the wall clock, random numbers and on which
// sessions failed, never on streams. The state is plain data; client/operation keeps it in a file.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::core {

struct Guard {
    base::NodeId relay;
    base::Wall until{};  // when the client stops to use it; drawn together with the relay
    bool operator==(const Guard&) const = default;
};

struct GuardList {
    std::vector<Guard> kept;        // in the order of use
    std::vector<base::Wall> drawn;  // times of the draws out of turn in the last hour
    bool operator==(const GuardList&) const = default;
};

struct GuardState {
    GuardList exits;
    GuardList mixes;
    bool operator==(const GuardState&) const = default;
};

/// The full length of the lists.
inline constexpr std::size_t guard_exits_max = 8;  // as many as a client has sessions
inline constexpr std::size_t guard_mixes_max = 4;
inline constexpr std::size_t guard_draws_an_hour = 2;
/// For this long a relay whose session failed is avoided, while there is another in the list.
inline constexpr base::Seconds guard_avoided{600};

/// The client's rules are the defaults; the laboratory compares others
/// (docs/decisions/0025-routes-that-last.md).
struct GuardRules {
    /// How many are in use. The main session, the one before it and the one that opens are at three
    /// exits.
    std::size_t exits = 3;
    std::size_t mixes = 1;
    /// A relay is kept for a time drawn uniformly between these.
    base::Seconds kept_min{42 * 86'400};
    base::Seconds kept_max{84 * 86'400};
};

class Guards {
 public:
    explicit Guards(GuardRules rules = {}) : rules_{rules} {}

    /// Exits are only those that state this country, and none while their group is too small
    /// (sphinx/directory/exit_group.hpp). Empty: all exits.
    void choose_country(std::string country) { country_ = std::move(country); }
    /// By the chosen country alone, an exit of earlier may still be used.
    bool may_use(const directory::Document& document, const directory::Relay& exit) const;

    /// Takes the state of an earlier run. Times that no clock could have given are shortened, so
    /// that no relay is kept for longer than kept_max from `now`.
    void restore(GuardState state, base::Wall now);
    const GuardState& state() const { return state_; }
    /// Grows whenever state() changes.
    std::uint64_t changes() const { return changes_; }

    /// The exit for a new session: not one of `in_use`, while there is another. nullptr if the
    /// document has none that `gateway` allows.
    const directory::Relay* exit(const directory::Document& document,
                                 const directory::Relay& gateway,
                                 std::span<const base::NodeId> in_use, base::Wall now,
                                 base::Random& random);
    /// The mix of `layer` that a session with these ends keeps. nullptr if there is none.
    const directory::Relay* mix(const directory::Document& document, std::uint8_t layer,
                                const directory::Relay& gateway, const directory::Relay& exit,
                                base::Wall now, base::Random& random);

    /// A session got no answer, and this relay may be the cause.
    void failed(const base::NodeId& relay, base::Wall now);

 private:
    struct Choice;
    const directory::Relay* choose(const Choice& choice, base::Wall now, base::Random& random);
    const directory::Relay* draw(const Choice& choice, base::Wall now, base::Random& random);
    const directory::Relay* free_of(const Choice& choice,
                                    const std::vector<const directory::Relay*>& listed,
                                    base::Wall now, base::Random& random) const;
    const directory::Relay* least_bad_of(const std::vector<const directory::Relay*>& listed,
                                         base::Wall now, base::Random& random) const;
    bool may_draw_early(GuardList& list, base::Wall now);
    bool avoided(const base::NodeId& relay, base::Wall now) const;

    bool in_country(const directory::Relay& exit) const;
    bool has_large_group(const directory::Document& document) const;
    void make_room_for_country(const directory::Document& document);

    GuardRules rules_;
    std::string country_;
    GuardState state_;
    std::map<base::NodeId, base::Wall> failed_;  // when a relay's session failed last
    std::uint64_t changes_ = 0;
};

}  // namespace nightjar::client::core
