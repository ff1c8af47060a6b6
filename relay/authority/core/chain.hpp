// What the next value needs of the values before it. It lies on the disk beside each decision, so
// no authority must build old documents again.
#pragma once

#include <optional>
#include <vector>

#include "relay/authority/core/builder.hpp"

namespace nightjar::relay::authority::core {

struct Chain {
    ValueId last;       // zeros: there is none yet
    base::Epoch epoch;  // of `last`
    std::vector<Commitment> commitments;
    Roster roster;
    bool operator==(const Chain&) const = default;
};

/// Precondition: at most authorities_max commitments and 2^16 - 1 relays.
base::Bytes encode(const Chain& chain);
/// Strict: one encoding for each chain. Checks no signature.
std::optional<Chain> parse_chain(base::ByteView bytes);

}  // namespace nightjar::relay::authority::core
