// A relay's own signed description: the relay makes it for each epoch, and the authority reads it.
// The identity key signs the link key, the addresses and the mix keys of two epochs; the link key
// and both mix keys prove that the relay holds them (possession.hpp). The grammar is that of the
// document (docs/directory.md), but the first line differs, so that a signature over one is never
// valid for the other.
#pragma once

#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// SHA-256 of a program's file.
using BuildHash = base::ByteArray<32>;

struct Descriptor {
    base::Epoch epoch;  // of relay.mix_key; relay.next_mix_key is for the next epoch
    base::Wall
        made{};  // whole seconds; of two descriptors of a relay for one epoch, the newer counts
    BuildHash build{};  // of the program that the relay says it runs: a claim, which its signature
                        // does not make true. Not zeros. No document carries it
    Relay relay;        // operator_name, family and capacity keep their defaults
    std::uint32_t capacity = 1;  // packets a second that the relay offers: a claim as well. A
                                 // document's weight follows from it (docs/directory.md)
    bool operator==(const Descriptor&) const = default;
};

inline constexpr std::size_t descriptor_size_max = 8192;

/// The secret halves of the keys in a descriptor. They must outlive the call that gets this.
struct DescriptorKeys {
    const base::Secret<32>& identity_seed;  // Ed25519
    const base::Secret<32>& link_seed;      // Ed25519
    const base::Secret<32>& mix_secret;     // X25519
    const base::Secret<32>& next_mix_secret;
};

/// Returns the signed text of a relay's description. The relay's operator_name, family and capacity
/// are not part of the text. Throws std::invalid_argument with the reason if no document could list
/// the relay, if the build is zeros, if the capacity is not 1 to capacity_max, or if a key is not
/// the relay's.
std::string make_descriptor(const Descriptor& descriptor, const DescriptorKeys& keys);

/// Strict, and checks the signature and the proofs: its maker holds all four keys.
base::Result<Descriptor, ParseError> parse_descriptor(std::string_view text);

/// The last step of make_descriptor: appends the proofs and the signature to all lines before them.
std::string sign_descriptor(std::string lines, const DescriptorKeys& keys);

}  // namespace nightjar::directory
