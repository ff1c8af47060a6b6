// Which relays this authority can reach (docs/directory.md, "Reachability"): when each is tried,
// and what the last tries say. Pure: the owner dials.
//
// An epoch has six parts of one length; short epochs have parts of five minutes. In each part each
// relay is tried once, at a moment drawn for it. A relay is unreachable when the last try failed,
// and five of the last six.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::authority::core {

inline constexpr int tries_an_epoch = 6;
/// The least time for one try of a relay: what lasts for less than 15 minutes states nothing.
inline constexpr base::Milliseconds part_least = base::Seconds{300};
inline constexpr std::size_t tries_kept = 6;
inline constexpr std::size_t failures_needed = 5;
/// A relay that was started while no document lists it opens no port, so its tries say little.
/// After so many epochs they are forgotten, and it is listed and tried anew.
inline constexpr std::uint32_t epochs_unlisted = 12;

class Reachability {
 public:
    struct Target {
        base::NodeId relay;
        base::LinkKey key;
        std::vector<directory::Endpoint> addresses;
        bool operator==(const Target&) const = default;
    };

    explicit Reachability(base::Seconds epoch_length) : length_{epoch_length} {}
    base::Milliseconds part() const {
        return std::max(base::Milliseconds{length_} / tries_an_epoch, part_least);
    }

    /// The relays of the document that is valid now: these are tried, and those that were
    /// unreachable when it left them out. `described`: the relays that have sent a descriptor for
    /// the document's epoch. One that has sent none was switched off, so its failures say nothing
    /// about its addresses: they are forgotten.
    void list(const directory::Document& document, const std::set<base::NodeId>& described,
              base::Wall now, base::Random& random);
    /// True if no document lists this relay, and it is tried nevertheless.
    bool tries_unlisted(const base::NodeId& relay) const;
    /// What such a relay says in a descriptor. With other addresses or another link key it begins
    /// anew: it was restarted for that, so it opens no port until a document lists it. Ignored if
    /// it is of another relay.
    void move(const directory::Descriptor& descriptor);
    /// A relay whose moment has come, each once; nullopt if there is none.
    std::optional<Target> take_due(base::Wall now, base::Random& random);
    /// What a try has shown.
    void tried(const base::NodeId& relay, bool reached, base::Wall now);

    /// When the first of the tries failed that have all failed since; nullopt if the relay is
    /// reachable, or too few tries say that it is not.
    std::optional<base::Wall> unreachable_since(const base::NodeId& relay) const;
    /// True if the last try reached it; nullopt before the first try.
    std::optional<bool> last_try(const base::NodeId& relay) const;
    /// The relays that this authority states to be unreachable. If more than half of a position (a
    /// role and a layer) fail, it states none of them: the fault is likely the authority's own
    /// network, or an attack that would leave the position to a few relays.
    std::set<base::NodeId> stated() const;

 private:
    using Position = std::pair<directory::Role, std::uint8_t>;

    struct Entry {
        Target target;
        Position position;
        base::Wall next{};        // its next try
        std::vector<bool> tries;  // true: reached; the last ones, oldest first
        base::Wall since{};       // the first failure after the last success
        base::Epoch unlisted;     // no document lists it since then
        bool listed = true;
    };

    base::Wall drawn(base::Wall from, base::Random& random) const;
    static bool is_unreachable(const Entry& entry);

    base::Seconds length_;
    std::map<base::NodeId, Entry> entries_;
};

}  // namespace nightjar::relay::authority::core
