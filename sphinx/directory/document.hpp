// The network document (docs/directory.md): the signed description of the network in one epoch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/endpoint.hpp"
#include "sphinx/directory/optional_lines.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

inline constexpr std::uint8_t layers_max = 3;

enum class Role : std::uint8_t { mix, gateway };

/// One relay, in its own descriptor and in the document.
struct Relay {
    base::NodeId identity;
    Role role = Role::mix;
    std::uint8_t layer = 0;           // 1-3 for a mix, 0 for a gateway
    std::vector<Endpoint> addresses;  // at least one
    base::LinkKey link_key;
    base::MixKey mix_key;       // for the document's epoch
    base::MixKey next_mix_key;  // for the next epoch
    std::string name;           // shown to people only: [a-z0-9-], at most 32
    std::string operator_name;  // a route has at most one relay per operator and family
    std::string family;
    std::uint32_t capacity = 1;  // weight when a client chooses its gateway or guards
    std::string exit_policy;     // summary; empty: not an exit
    std::string country;         // two letters (country.hpp); the relay's claim; empty: none
    OptionalLines optional;      // what the relay says to programs of later versions
    bool operator==(const Relay&) const = default;

    bool is_exit() const { return !exit_policy.empty(); }
};

struct Signature {
    base::NodeId authority;  // Ed25519 key
    base::ByteArray<64> signature{};
    bool operator==(const Signature&) const = default;
};

struct Document {
    std::string network;  // name, [a-z0-9-], at most 32
    base::Epoch epoch;
    base::Wall valid_from{};  // whole seconds
    base::Wall valid_until{};
    Parameters parameters;
    std::vector<std::string> recommended_versions;
    OptionalLines optional;             // what the authorities agreed to say by configuration
    std::vector<Relay> relays;          // sorted by identity
    std::vector<Signature> signatures;  // sorted by authority
    bool operator==(const Document&) const = default;

    /// The relay with this identity or link key; nullptr if there is none.
    const Relay* find(const base::NodeId& identity) const;
    const Relay* find_by_link_key(const base::LinkKey& key) const;
    std::uint8_t layers() const;  // 1-3
    /// The relay's mix key for the document's epoch or the next one; nullptr for any other epoch.
    const base::MixKey* mix_key(const Relay& relay, base::Epoch at) const;
};

inline constexpr std::size_t document_text_max = 1024 * 1024;

struct ParseError {
    std::size_t line = 0;  // 1-based; 0: the document as a whole
    std::string reason;    // for the local log or terminal, never sent to a peer
};

/// Sorts versions, relays, their addresses, optional lines and signatures into the order of the
/// text.
void sort(Document& document);

/// The canonical text of a sorted document. signed_text() is the signed part: everything before the
/// first signature line.
std::string to_text(const Document& document);
std::string signed_text(const Document& document);
/// Strict: parse(to_text(d)) == d, and any other encoding of the same content is an error. Does not
/// verify signatures: check() in quorum.hpp does.
base::Result<Document, ParseError> parse(std::string_view text);

}  // namespace nightjar::directory
