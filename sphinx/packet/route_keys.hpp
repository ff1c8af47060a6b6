// Step 1 of building a header (docs/packet-format.md section 3): the secrets that a sender shares
// with each hop of a route, for many routes at once. Internal to sphinx/packet.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "sphinx/packet/hop.hpp"

namespace nightjar::packet {

/// The keys of a route's hops in order, and the first hop's group element.
struct RouteKeys {
    std::size_t hops = 0;
    PublicKey alpha;
    std::array<HopKeys, max_hops> of_hop;  // the first `hops` are valid
};

/// One route. The objects it refers to must outlive the call.
struct RouteKeysJob {
    std::span<const Hop> route;
    const SecretKey* initial_secret = nullptr;
    RouteKeys keys{};
    std::optional<Error> error{};
};

/// Takes n multiplications for a route of n hops; those of different routes run in vector lanes.
/// Errors: bad_route, low_order, bad_key (a hop's key is a point of the twist; a thread checks each
/// key once).
void derive_keys(std::span<RouteKeysJob> jobs);
base::Result<RouteKeys, Error> derive_keys(std::span<const Hop> route,
                                           const SecretKey& initial_secret);

}  // namespace nightjar::packet
