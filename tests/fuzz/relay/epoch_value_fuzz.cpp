// Any bytes: refused, or the one encoding of what authorities agree on. What parses is also given
// to the rules of a network's first value and of a later one, which must answer.
#include "relay/authority/core/epoch_value.hpp"

#include <algorithm>
#include <cstdlib>

#include "relay/authority/core/document_rules.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

fuzz::Depth parsed{"a value"};
fuzz::Depth revealed{"a value with reveals"};
fuzz::Depth committed{"a value with commitments"};
fuzz::Depth described{"a value with descriptors"};
fuzz::Depth refused{"a value that the rules refuse"};

/// A council that needs no commitment, so the inputs come as far as the descriptors.
void try_rules(base::ByteView bytes, const EpochValue& value) {
    Council council;
    council.authorities.resize(1);
    Terms terms;
    terms.network = "test";
    const DocumentRules rules{council, terms, value.epoch, {value.previous, {}, {}, {}}};
    const auto outcome = rules.outcome(bytes);
    if (outcome) return;
    require(!outcome.error().empty());
    refused.reach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::ByteView bytes{data, size};
    const auto value = parse_epoch_value(bytes);
    if (!value) return 0;
    require(std::ranges::equal(encode(*value), bytes));
    parsed.reach();
    if (!value->reveals.empty()) revealed.reach();
    if (!value->commitments.empty()) committed.reach();
    if (!value->descriptors.empty()) described.reach();
    try_rules(bytes, *value);
    return 0;
}
