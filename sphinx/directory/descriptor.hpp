// A relay's own signed description: `nightjar-relay init` writes it and `nightjar-authority sign`
// reads it. The identity key signs the link key, the addresses and the mix keys of two epochs. The
// grammar is that of the document (docs/directory.md), but the first line differs, so that a
// signature over one is never valid for the other.
#pragma once

#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

struct Descriptor {
    base::Epoch epoch;  // of relay.mix_key; relay.next_mix_key is for the next epoch
    Relay relay;        // operator_name, family and capacity keep their defaults
    base::ByteArray<64> signature{};
    bool operator==(const Descriptor&) const = default;
};

inline constexpr std::size_t descriptor_size_max = 8192;

/// Returns the signed text of a relay's description. Precondition: `identity_seed` is the Ed25519
/// seed of relay.identity. operator_name, family and capacity are not part of the text. Throws
/// std::invalid_argument with the reason if no document could list the relay.
std::string make_descriptor(const Relay& relay, base::Epoch epoch,
                            const base::Secret<32>& identity_seed);

/// Strict, and checks the signature: a returned Descriptor was made with the identity key.
base::Result<Descriptor, ParseError> parse_descriptor(std::string_view text);

}  // namespace nightjar::directory
