// Trust in documents: the trust anchors, and the conditions for accepting a document.
#pragma once

#include <string>
#include <vector>

#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// The trust anchors, as read by `nightjar init --network FILE`. Every relay and client stores them
/// permanently.
struct Anchors {
    std::string network;
    std::vector<base::NodeId> authorities;  // sorted, no duplicates, at least one
    struct Gateway {
        base::NodeId identity;
        Endpoint address;
        base::LinkKey link_key;
        bool operator==(const Gateway&) const = default;
    };
    std::vector<Gateway> gateways;
    bool operator==(const Anchors&) const = default;
};

/// BLAKE2b-256 of the name and the authorities (docs/directory.md). A HELLO carries it.
base::NetworkId network_id(const Anchors& anchors);

/// floor(2n/3) + 1.
std::size_t signatures_needed(std::size_t authorities);

enum class Refusal {
    wrong_network,
    too_few_signatures,
    bad_signature,  // invalid, repeated, or not by an authority
    two_positions,  // its authorities did not keep the rule of positions.hpp
    not_yet_valid,
    expired,
    older_epoch,  // older than the document already held
};
const char* to_string(Refusal refusal);
/// to_string() with what in `document` is refused, where that says more.
std::string reason(Refusal refusal, const Document& document);

/// Checks the signatures, that each operator and family keeps to one position, the validity at
/// `now`, and that the epoch is not before `held`.
base::Status<Refusal> check(const Document& document, const Anchors& anchors, base::Wall now,
                            base::Epoch held);

/// Sorts the document and adds the authority's signature over signed_text(); replaces an older
/// signature by the same authority. `seed` is its Ed25519 seed.
void sign(Document& document, const base::Secret<32>& seed);

/// True if two documents that both pass check() differ for the same epoch of the same network:
/// proof that authorities signed both. A node that holds the first keeps using it, and keeps the
/// second as evidence.
bool conflict(const Document& a, const Document& b);

}  // namespace nightjar::directory
