// What authorities agree on for an epoch: not the document, but all that it is built from. So each
// of them builds the document itself (docs/directory.md, "What is built").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/authority/core/listing.hpp"
#include "relay/authority/core/message.hpp"
#include "relay/authority/core/randomness.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::authority::core {

struct EpochValue {
    base::Epoch epoch;
    ValueId previous;                      // the last decided value before it; zeros: none
    std::vector<Reveal> reveals;           // of the commitments in `previous`; sorted by authority
    std::vector<Commitment> commitments;   // to be revealed in the next value; sorted by authority
    std::vector<std::string> descriptors;  // texts, sorted
    std::vector<Admissions> lists;         // sorted by their hash; each is named by a listing
    std::vector<Listing> listings;         // sorted by authority; each names one of the lists
    bool operator==(const EpochValue&) const = default;
};

/// Precondition: all is sorted, without two of one authority, and no text is over its bound; each
/// listing names one of the lists.
base::Bytes encode(const EpochValue& value);
/// Checks the form and its bounds: one encoding for each value, at most value_size_max. Checks no
/// signature and no descriptor.
std::optional<EpochValue> parse_epoch_value(base::ByteView bytes);

}  // namespace nightjar::relay::authority::core
