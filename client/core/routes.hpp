// The relays that a session's packets and replies pass, and the delay at each of them.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/route.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::client::core {

/// The routes of one session. If every packet drew all its mixes anew, every session would sooner
/// or later use a route of only bad mixes. A session therefore keeps the mixes of `fixed_hops`
/// layers, the same for packets and replies, as long as the document lists them. The middle layer
/// is fixed first, because it is a neighbour of neither the client's gateway nor the exit.
class SessionRoutes {
 public:
    SessionRoutes(base::NodeId exit, std::uint32_t fixed_hops)
        : exit_{exit}, fixed_hops_{fixed_hops} {}

    const base::NodeId& exit() const { return exit_; }
    /// The layer (1 to 3) whose mix the session keeps first; empty if it keeps none.
    std::optional<std::uint8_t> first_kept_layer(const directory::Document& document) const;
    /// The mix that the session keeps in the layer; zero before it has one.
    base::NodeId kept(std::uint8_t layer) const;
    /// Keeps this mix in the layer from now on. Without it, the session draws the mix itself.
    void keep(std::uint8_t layer, const base::NodeId& mix);
    /// Drops the pointers into the document. Call it before the old document is destroyed.
    void document_changed() { found_.clear(); }
    /// gateway -> 1 -> 2 -> 3 -> exit. Empty if the document has no such route.
    std::optional<directory::Route> forward(const directory::Document& document,
                                            const directory::Relay& gateway, base::Random& random);
    /// 1 -> 2 -> 3 -> gateway.
    std::optional<directory::Route> reply(const directory::Document& document,
                                          const directory::Relay& gateway, base::Random& random);

 private:
    const std::vector<const directory::Relay*>& find_kept(const directory::Document& document,
                                                          const directory::Relay& gateway,
                                                          const directory::Relay& exit,
                                                          base::Random& random);

    base::NodeId exit_;
    std::uint32_t fixed_hops_;
    std::vector<base::NodeId> kept_;              // by layer; zero: not fixed
    std::vector<const directory::Relay*> found_;  // by layer; points into the document in use
};

/// The layers whose mix a session keeps, at most `fixed_hops`: first the middle one, then the
/// others from the first layer on.
std::vector<std::size_t> layers_to_keep(std::size_t layers, std::uint32_t fixed_hops);

/// Converts a route for packet building: each relay's key of `epoch`, and a random delay for every
/// hop but the last. Empty if the document lacks a key of that epoch.
std::optional<std::vector<packet::Hop>> to_hops(const directory::Document& document,
                                                const directory::Route& route, base::Epoch epoch,
                                                base::Random& random);

}  // namespace nightjar::client::core
