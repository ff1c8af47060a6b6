// What one authority answers when another asks what it has to say (docs/directory.md, "Over the
// wire"): items of a fixed form one after the other. Each item is signed by an authority or a
// relay, or opens what an authority has signed, so it counts whichever peer sent it.
//
// Every encoding is canonical: encode(parse(b)) == b.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "relay/authority/core/listing.hpp"
#include "relay/authority/core/message.hpp"
#include "relay/authority/core/randomness.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

/// Of the next value's epoch.
struct SentCommitment {
    base::Epoch epoch;
    Commitment commitment;
    bool operator==(const SentCommitment&) const = default;
};
/// `epoch` is that of the commitment.
struct SentReveal {
    base::Epoch epoch;
    Reveal reveal;
    bool operator==(const SentReveal&) const = default;
};
struct SentListing {
    base::Epoch epoch;
    Listing listing;
    bool operator==(const SentListing&) const = default;
};
/// On the document of that epoch.
struct SentSignature {
    base::Epoch epoch;
    directory::Signature signature;
    bool operator==(const SentSignature&) const = default;
};
/// A hash of all descriptors that it has for an epoch: another authority with another hash asks for
/// them.
struct DescriptorsHash {
    base::Epoch epoch;
    ValueId hash;
    bool operator==(const DescriptorsHash&) const = default;
};
/// The text of a relay's descriptor.
struct SentDescriptor {
    std::string text;
    bool operator==(const SentDescriptor&) const = default;
};

using BundleItem = std::variant<Message, Certificate, SentCommitment, SentReveal, SentListing,
                                SentSignature, DescriptorsHash, SentDescriptor>;
using Bundle = std::vector<BundleItem>;

/// All that 64 authorities say about two epochs stays far below it.
inline constexpr std::size_t bundle_size_max = 512 * 1024;
/// All descriptors of an epoch.
inline constexpr std::size_t descriptors_size_max = 4 * 1024 * 1024;
/// 2,000 descriptors, or all that 64 authorities say. An item of three bytes needs much more
/// memory.
inline constexpr std::size_t items_max = 4096;

/// Leaves out the last items if all would be longer than `size_max`. Precondition: at most
/// items_max items.
base::Bytes encode(const Bundle& bundle, std::size_t size_max = bundle_size_max);
/// nullopt if it is longer, has more items, or has not the form. Checks no signature.
std::optional<Bundle> parse_bundle(base::ByteView bytes, std::size_t size_max = bundle_size_max);

}  // namespace nightjar::relay::authority::core
