// Months of a client's sessions: which exits and which kept middle mixes it meets, if it draws them
// anew for every session, and if it keeps them for weeks (client/core/guards.hpp).
//
// The network changes: honest relays leave and others join, and honest relays are down for hours.
// Bad relays never leave and are never down, which is best for the adversary.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/core/guards.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::lab::attacks {

inline constexpr unsigned lasting_relays = 100;  // mixes of the middle layer, and exits

/// The network on each of `days` days. `bad`: share of the mixes and of the exits.
class ChangingNetwork {
 public:
    ChangingNetwork(unsigned days, double bad, base::Random& random);

    unsigned days() const { return static_cast<unsigned>(documents_.size()); }
    const directory::Document& document(base::Seconds since_begin) const;
    const directory::Relay& gateway(base::Seconds since_begin) const;
    static bool bad(const directory::Relay& relay) { return relay.identity.bytes[1] == 1; }
    bool down(const base::NodeId& relay, base::Seconds since_begin) const;
    double bad_share() const { return bad_share_; }

 private:
    void add(std::uint8_t layer, bool bad);

    double bad_share_;
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
