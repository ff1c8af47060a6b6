// The network document (docs/directory.md): what the network is in one epoch, signed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/endpoint.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

inline constexpr std::uint8_t layers_max = 3;

enum class Role : std::uint8_t { mix, gateway };

/// One relay, as it describes itself and as the document lists it.
struct Relay {
    base::NodeId identity;
    Role role = Role::mix;
    std::uint8_t layer = 0;           // 1-3 for a mix, 0 for a gateway
    std::vector<Endpoint> addresses;  // at least one
    base::LinkKey link_key;
    base::MixKey mix_key;       // of the document's epoch
    base::MixKey next_mix_key;  // of the epoch after it
    std::string name;           // for people: [a-z0-9-], at most 32
    std::string operator_name;  // no two of one operator or family in one route
    std::string family;
    std::uint32_t capacity = 1;  // weight when a client chooses its gateway
    std::string exit_policy;     // summary; empty: not an exit
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
    std::vector<Relay> relays;          // sorted by identity
    std::vector<Signature> signatures;  // sorted by authority
    bool operator==(const Document&) const = default;

    /// nullptr if there is none.
    const Relay* find(const base::NodeId& identity) const;
    const Relay* find_by_link_key(const base::LinkKey& key) const;
    std::uint8_t layers() const;  // 1-3
    /// The mix key of an epoch that this document knows (its own or the next); nullptr otherwise.
    const base::MixKey* mix_key(const Relay& relay, base::Epoch at) const;
};

inline constexpr std::size_t document_text_max = 1024 * 1024;

struct ParseError {
    std::size_t line = 0;  // from 1; 0: the document as a whole
    std::string reason;    // for a log or a terminal of our own, never for a peer
};

/// Puts versions, relays, their addresses and signatures into the order that the text has.
void sort(Document& document);

/// The canonical text of a sorted document. What is signed is everything before the first signature
/// line.
std::string to_text(const Document& document);
std::string signed_text(const Document& document);
/// Strict: parse(to_text(d)) == d, and every other encoding of the same meaning is refused.
/// Signatures are not verified: that is check() in quorum.hpp.
base::Result<Document, ParseError> parse(std::string_view text);

}  // namespace nightjar::directory
