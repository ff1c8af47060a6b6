// Chooses the relays that a packet passes (docs/directory.md): gateway, one mix per layer, last
// gateway.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// Relays in the order of the packet's path; pointers into the document.
using Route = std::vector<const Relay*>;

/// True if the relays have different operators and different families. An empty name matches no
/// other.
bool may_share_route(const Relay& a, const Relay& b);

/// Draws one mix per layer uniformly, so that none conflicts with `ends` or with another. Keeps the
/// mixes given in `kept` (by layer; nullptr: free). Returns nullopt if there is no such choice.
std::optional<Route> choose_mixes(const Document& document, const std::vector<const Relay*>& ends,
                                  const std::vector<const Relay*>& kept, base::Random& random);

/// gateway -> 1 -> 2 -> 3 -> last. Also the route of a client's loop (gateway == last).
std::optional<Route> forward_route(const Document& document, const Relay& gateway,
                                   const Relay& last, const std::vector<const Relay*>& kept,
                                   base::Random& random);
/// 1 -> 2 -> 3 -> gateway: the route of a SURB. No relay on it may conflict with `exit`, the other
/// end of the session.
std::optional<Route> reply_route(const Document& document, const Relay& exit, const Relay& gateway,
                                 const std::vector<const Relay*>& kept, base::Random& random);
/// The route of a relay's loop: along the cycle gateway -> 1 -> 2 -> 3 -> gateway, from the relay
/// back to itself. The route ends with `self`.
std::optional<Route> relay_loop_route(const Document& document, const Relay& self,
                                      base::Random& random);

/// Draws an exit for a session: any exit except the client's own gateway and exits that conflict
/// with it. nullptr if there is none.
const Relay* choose_exit(const Document& document, const Relay& gateway, base::Random& random);

/// True if the route rules allow a packet to go from `from` to `to`: only gateway -> 1 -> 2 -> 3 ->
/// gateway. The last layer of the document, which may be lower than 3, forwards to gateways.
bool may_forward(const Document& document, const Relay& from, const Relay& to);

}  // namespace nightjar::directory
