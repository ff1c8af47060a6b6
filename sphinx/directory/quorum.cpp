#include "sphinx/directory/quorum.hpp"

#include <sodium.h>

#include <algorithm>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/positions.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::directory {

base::NetworkId network_id(const Anchors& anchors) {
    std::string text;
    put_field(text, "nightjar-network", 1);
    put_field(text, "network", anchors.network);
    for (const auto& authority : anchors.authorities)
        put_field(text, "authority", base::to_hex(authority.bytes));
    base::NetworkId id;
    const auto bytes = base::as_bytes(text);
    crypto_generichash(id.bytes.data(), id.bytes.size(), bytes.data(), bytes.size(), nullptr, 0);
    return id;
}

std::size_t signatures_needed(std::size_t authorities) {
    return 2 * authorities / 3 + 1;
}

const char* to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::wrong_network:
            return "it is of another network";
        case Refusal::too_few_signatures:
            return "too few of the network's authorities have signed it";
        case Refusal::bad_signature:
            return "it has an invalid signature, or one that is not by an authority of the network";
        case Refusal::not_yet_valid:
            return "it is not valid yet: this machine's clock is slow, or the document is early";
        case Refusal::expired:
            return "it has expired: this machine's clock is fast, or the document is old";
        case Refusal::two_positions:
            return "an operator or family in it has relays in two positions";
        case Refusal::older_epoch:
            return "it is of an older epoch than the document already in use";
    }
    return "it is refused";
}

std::string reason(Refusal refusal, const Document& document) {
    if (refusal == Refusal::two_positions)
        if (const auto pairs = two_positions(document); !pairs.empty())
            return to_text(pairs.front());
    return to_string(refusal);
}

/// Every signature must be valid, not only enough of them: a document with an invalid one was not
/// assembled by its authorities.
static bool all_good(const Document& document, const Anchors& anchors) {
    const auto text = signed_text(document);
    const base::NodeId* before = nullptr;
    for (const auto& signature : document.signatures) {
        if (before != nullptr && !(*before < signature.authority)) return false;
        before = &signature.authority;
        const auto& known = anchors.authorities;
        if (std::find(known.begin(), known.end(), signature.authority) == known.end()) return false;
        if (!verifies(text, signature)) return false;
    }
    return true;
}

base::Status<Refusal> check(const Document& document, const Anchors& anchors, base::Wall now,
                            base::Epoch held) {
    if (document.network != anchors.network) return base::Fail{Refusal::wrong_network};
    if (document.signatures.size() < signatures_needed(anchors.authorities.size()))
        return base::Fail{Refusal::too_few_signatures};
    if (!all_good(document, anchors)) return base::Fail{Refusal::bad_signature};
    if (!two_positions(document).empty()) return base::Fail{Refusal::two_positions};
    if (now < document.valid_from) return base::Fail{Refusal::not_yet_valid};
    if (now >= document.valid_until) return base::Fail{Refusal::expired};
    if (document.epoch < held) return base::Fail{Refusal::older_epoch};
    return base::Done{};
}

void sign(Document& document, const base::Secret<32>& seed) {
    sort(document);
    const auto made = sign_text(signed_text(document), seed);
    std::erase_if(document.signatures, [&made](const Signature& signature) {
        return signature.authority == made.authority;
    });
    document.signatures.push_back(made);
    sort(document);
}

bool conflict(const Document& a, const Document& b) {
    return a.network == b.network && a.epoch == b.epoch && signed_text(a) != signed_text(b);
}

}  // namespace nightjar::directory
