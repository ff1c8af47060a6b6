// Months of a client's sessions: which exits and which kept middle mixes it meets, if it draws them
// anew for every session, and if it keeps them for weeks (client/core/guards.hpp).
//
// The network changes: honest relays leave and others join, and honest relays are down for hours.
// Bad relays never leave and are never down, which is best for the adversary. Mixes of all layers
// change if the layers do: then relays come and go in each, and keep their layer, or the product's
// authorities place them anew each day (relay/authority/core/layers.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "client/core/guards.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::lab::attacks {

inline constexpr unsigned lasting_relays = 100;  // mixes of the middle layer, and exits

/// `middle`: only the middle layer is there, and of the others the shares of bad mixes stay.
/// `fixed`, `placed`: three layers of mixes; who comes takes the layer of one who left, or the
/// layers follow from the product's rule. `placed_old`: and the bad mixes have the longest records
/// from the first day on, as those of an adversary who waited. `placed_split`: a third of the bad
/// mixes have the longest records, and two thirds the shortest: those of an adversary who waited
/// for the middle layer and set up relays for the others.
enum class Layering { middle, fixed, placed, placed_old, placed_split };

/// The network on each of `days` days. `bad`: share of the mixes and of the exits.
class ChangingNetwork {
 public:
    ChangingNetwork(unsigned days, double bad, base::Random& random,
                    Layering layering = Layering::middle);

    unsigned days() const { return static_cast<unsigned>(documents_.size()); }
    const directory::Document& document(base::Seconds since_begin) const;
    const directory::Relay& gateway(base::Seconds since_begin) const;
    static bool bad(const directory::Relay& relay) { return relay.identity.bytes[1] == 1; }
    bool down(const base::NodeId& relay, base::Seconds since_begin) const;
    /// The share of packets whose mixes of layers 1 and 3 are both bad.
    double outer_bad(base::Seconds since_begin) const;
    /// The share of bad mixes in a layer.
    double bad_in(std::uint8_t layer, base::Seconds since_begin) const;
    /// Of the mixes that are there on a day and the next, the share that changes its layer.
    double moved_a_day() const;

 private:
    void add(std::uint8_t layer, bool bad, base::Epoch since);
    void fill(double bad, base::Random& random);
    void turn(unsigned day, base::Random& random);
    void place(base::Random& random);
    bool by_rule() const;

    Layering layering_;
    double bad_share_;
    std::map<base::NodeId, base::Epoch> since_;  // in days
    std::size_t moved_ = 0, stayed_ = 0;
    std::uint32_t last_ = 0;
    directory::Document now_;
    std::vector<directory::Document> documents_;
    std::vector<std::vector<std::pair<base::Seconds, base::Seconds>>> down_;  // by relay's number
};

/// What one client met. Times are since its first session.
struct Met {
    std::optional<base::Seconds> bad_route;  // its first packet whose three mixes were bad
    std::optional<base::Seconds> bad_exit;
    std::size_t exits = 0;
    std::size_t mixes = 0;
    unsigned failed = 0;  // sessions whose exit or mix went down
};

/// Draws by the product's guards if there are rules, else as the product did before: each session
/// draws its exit and its mix uniformly.
Met live(const ChangingNetwork& network, const std::optional<client::core::GuardRules>& rules,
         base::Random& random);

/// An attacker ends every session at an honest exit after 15 s, for a day. Returns when the client
/// first had a session at a bad exit.
std::optional<base::Seconds> driven(const ChangingNetwork& network,
                                    const std::optional<client::core::GuardRules>& rules,
                                    base::Random& random);

}  // namespace nightjar::lab::attacks
