// Which relays a session's packets and replies pass, and how long each holds them.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/route.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::client {

/// The routes of one session. Uniform per packet, every session would sooner or later use a route
/// all of whose mixes are bad; so it keeps `fixed_hops` of its mixes, the same there and back, as
/// long as the document has them. The middle layer's first: neither the client's gateway nor the
/// exit is its neighbour.
class SessionRoutes {
 public:
    SessionRoutes(base::NodeId exit, std::uint32_t fixed_hops)
        : exit_{exit}, fixed_hops_{fixed_hops} {}

    const base::NodeId& exit() const { return exit_; }
    /// What was found in the document is looked up again. Call it before an old document goes.
    void document_changed() { found_.clear(); }
    /// gateway -> 1 -> 2 -> 3 -> exit. Nothing if the document has no such route.
    std::optional<directory::Route> forward(const directory::Document& document,
                                            const directory::Relay& gateway, base::Random& random);
    /// 1 -> 2 -> 3 -> gateway.
    std::optional<directory::Route> reply(const directory::Document& document,
                                          const directory::Relay& gateway, base::Random& random);

 private:
    const std::vector<const directory::Relay*>& keep(const directory::Document& document,
                                                     const directory::Relay& gateway,
                                                     const directory::Relay& exit,
                                                     base::Random& random);

    base::NodeId exit_;
    std::uint32_t fixed_hops_;
    std::vector<base::NodeId> kept_;              // by layer; zero: free
    std::vector<const directory::Relay*> found_;  // by layer, in the document in use
};

/// The layers in the order in which they are kept: the middle one, then those before and after it.
std::vector<std::size_t> layers_to_keep(std::size_t layers, std::uint32_t fixed_hops);

/// A route as a packet is built along it: keys of one epoch, a delay for every hop but the last.
/// Nothing if the document does not know that epoch's keys.
std::optional<std::vector<packet::Hop>> to_hops(const directory::Document& document,
                                                const directory::Route& route, base::Epoch epoch,
                                                base::Random& random);

}  // namespace nightjar::client
