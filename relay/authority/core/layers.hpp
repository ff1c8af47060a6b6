// Which layer each mix is in (docs/directory.md, "Layers").
//
// - A new mix begins in layer 1 or 3. Which one follows from randomness that was drawn after its
//   identity was fixed.
// - A mix keeps its layer as long as each layer's capacity is within a tenth of a third of all. A
//   mix that wandered through the layers would see every step of its clients' routes.
// - The middle layer takes the mixes with the longest record. A middle mix is what a client keeps,
//   and a new relay is cheap to set up.
// - Which mixes move between layer 1 and 3 follows from randomness.
//
// What is placed is a group: all mixes of one operator or family, which have one position.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/authority/core/randomness.hpp"

namespace nightjar::relay::authority::core {

inline constexpr std::uint8_t middle_layer = 2;
/// A layer may have so much more or less than a third of all capacity.
inline constexpr double balance_band = 0.1;

struct PlacedGroup {
    base::NodeId id;             // the least identity of its relays: only a name
    std::uint64_t capacity = 1;  // the sum of its relays'
    base::Epoch since;           // the first epoch in which one of its relays was listed
    std::uint8_t layer = 0;      // until now; 0: new
};

/// Sets every group's layer. Without randomness nothing moves, and new groups keep layer 0: they
/// wait. The order of the list does not matter. Precondition: the ids differ.
void place(std::vector<PlacedGroup>& groups, const std::optional<Randomness>& randomness);

/// Capacity of layers 1, 2 and 3.
std::array<std::uint64_t, 3> layer_capacities(const std::vector<PlacedGroup>& groups);

}  // namespace nightjar::relay::authority::core
