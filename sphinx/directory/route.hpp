// Which relays a packet passes (docs/directory.md): gateway, one mix per layer, last gateway.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// Relays in the order in which the packet meets them; pointers into the document.
using Route = std::vector<const Relay*>;

/// No two of one operator or one family; an empty name is shared with nobody.
bool may_share_route(const Relay& a, const Relay& b);

/// A uniform mix per layer, none of which conflicts with `ends` or with each other. Mixes given in
/// `kept` (by layer, nullptr: free) stay. Nothing if no such choice exists.
std::optional<Route> choose_mixes(const Document& document, const std::vector<const Relay*>& ends,
                                  const std::vector<const Relay*>& kept, base::Random& random);

/// gateway -> 1 -> 2 -> 3 -> last. Also the route of a client's loop (gateway == last).
std::optional<Route> forward_route(const Document& document, const Relay& gateway,
                                   const Relay& last, const std::vector<const Relay*>& kept,
                                   base::Random& random);
/// 1 -> 2 -> 3 -> gateway: a SURB's. `exit` is an end of the same conversation and shares nothing.
std::optional<Route> reply_route(const Document& document, const Relay& exit, const Relay& gateway,
                                 const std::vector<const Relay*>& kept, base::Random& random);
/// A relay's loop to itself along gateway -> 1 -> 2 -> 3 -> gateway, cyclically; ends with itself.
std::optional<Route> relay_loop_route(const Document& document, const Relay& self,
                                      base::Random& random);

/// An exit for a session: any but the client's own gateway or one that conflicts with it.
const Relay* choose_exit(const Document& document, const Relay& gateway, base::Random& random);

/// True if a packet may go from a relay of `from` to one of `to`: only gateway -> 1 -> 2 -> 3 ->
/// gateway (and from the last layer there is, to a gateway).
bool may_forward(const Document& document, const Relay& from, const Relay& to);

}  // namespace nightjar::directory
