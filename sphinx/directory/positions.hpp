// One operator, one position (docs/directory.md). The positions of a route are gateway and mix of
// layer 1, 2 and 3; an exit is a gateway.
//
// No route has two relays of one operator or family. If an operator ran a gateway and a mix, the
// mix would be missing from every session of that gateway's clients. Their exits would see that in
// the first hops of replies, and so learn the gateway's operator; and a gateway would learn the
// exit's. If each operator and each family keeps to one position, any gateway, exit and mixes may
// share a route, and what is drawn says nothing about the ends.
#pragma once

#include <string>
#include <vector>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// A pair of relays that breaks the rule. The pointers are into the document.
struct TwoPositions {
    const Relay* first;
    const Relay* second;
    bool family;  // they share a family, not an operator
};

/// One pair for each operator and each family that has relays in more than one position. Empty if
/// the document keeps the rule. An empty name is not an operator or family.
std::vector<TwoPositions> two_positions(const Document& document);

/// One sentence: the operator or family, both relays, and how to mend it.
std::string to_text(const TwoPositions& pair);

}  // namespace nightjar::directory
