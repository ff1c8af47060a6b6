// A relay's own signed description: what `nightjar-relay init` writes and `nightjar-authority sign`
// reads. It binds identity, link key, addresses and the mix keys of two epochs by the identity key.
// The grammar is the document's (docs/directory.md), under a first line of its own, so that a
// signature over one can never pass for a signature over the other.
#pragma once

#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

struct Descriptor {
    base::Epoch epoch;  // of relay.mix_key; relay.next_mix_key is of the epoch after it
    Relay relay;        // operator_name, family and capacity are the authority's, and default here
    base::ByteArray<64> signature{};
    bool operator==(const Descriptor&) const = default;
};

inline constexpr std::size_t descriptor_size_max = 8192;

/// The signed text of a relay's description. `identity_seed` is the Ed25519 seed of
/// relay.identity (precondition). operator_name, family and capacity are not part of it. Throws
/// std::invalid_argument with the reason if the relay could not be listed in any document.
std::string make_descriptor(const Relay& relay, base::Epoch epoch,
                            const base::Secret<32>& identity_seed);

/// Strict, and the signature is checked: whoever holds a Descriptor knows that the identity key
/// made it.
base::Result<Descriptor, ParseError> parse_descriptor(std::string_view text);

}  // namespace nightjar::directory
