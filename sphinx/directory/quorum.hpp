// Who may say what the network is: the trust anchors, and when a document counts.
#pragma once

#include <string>
#include <vector>

#include "sphinx/base/secret.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// What `nightjar init --network FILE` takes in: held by every relay and client for good.
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

/// BLAKE2b-256 of the name and the authorities (docs/directory.md): what a HELLO names.
base::NetworkId network_id(const Anchors& anchors);

/// floor(2n/3) + 1.
std::size_t signatures_needed(std::size_t authorities);

enum class Refusal {
    wrong_network,
    too_few_signatures,
    bad_signature,  // one that does not verify, is repeated or is not an authority's
    not_yet_valid,
    expired,
    older_epoch,  // than the one already held
};
const char* to_string(Refusal refusal);

/// Checks signatures, validity at `now` and that the epoch is not below `held`.
base::Status<Refusal> check(const Document& document, const Anchors& anchors, base::Wall now,
                            base::Epoch held);

/// Sorts the document and adds the authority's signature over signed_text(), in place of an older
/// one of the same authority. `seed` is its Ed25519 seed.
void sign(Document& document, const base::Secret<32>& seed);

/// True if two documents that both pass check() say different things of one epoch of one network:
/// proof that authorities signed both. Whoever holds the first keeps it, and keeps the second as
/// evidence.
bool conflict(const Document& a, const Document& b);

}  // namespace nightjar::directory
