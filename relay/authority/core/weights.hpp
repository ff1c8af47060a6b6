// A relay's weight in a document (docs/directory.md, "Capacity"). A relay says itself what it
// offers, so the claim is bounded: by what the authorities say, and by what others offer.
#pragma once

#include <cstdint>
#include <span>

#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

/// No relay weighs more than so many times the median of its role. A relay that lies about its
/// capacity gains no more than that.
inline constexpr std::uint32_t weight_most = 2;

struct Offer {
    directory::Relay* relay;  // its capacity is the authorities' bound; set_weights() replaces it
    std::uint32_t announced;  // by its descriptor
    bool open = false;        // no operator has admitted it: the authorities' bound does not count
};

/// Gives each relay the lowest of its bound, what it announces, and weight_most times the (lower)
/// median of these among the admitted relays of its role. An open relay gets what it announces, up
/// to that median, so that strangers can move no median; 1 if its role has no admitted relay. The
/// order of the offers does not matter.
void set_weights(std::span<const Offer> offers);

}  // namespace nightjar::relay::authority::core
