"""Mutants of authorities that agree over the wire: lists, bundles, the driver."""
from mutant_list import CORE, UNIT, mutant

LISTING = "relay/authority/core/listing.cpp"
RULES = "relay/authority/core/document_rules.cpp"
FILLED = "document rules: a proposer cannot fill a value with descriptors that do not count"
BUNDLE = "relay/authority/core/bundle.cpp"
BUNDLE_BOUNDS = "bundle: it has a bound of items, however short they are"
DRIVER = "relay/authority/core/driver.cpp"
DRIVER_HEADER = "relay/authority/core/driver.hpp"
OFFERS = "relay/authority/core/offers.cpp"
MANY_HASHES = "offers: after many hashes it still asks for what it has not seen"
LISTS_ALONE = "offers: rules that run get new lists without the descriptors, and new rules get all"
SAID_ONCE = "driver: an authority's first statement in a bundle counts, and no more of its kind"
MEMBER = "relay/authority/member.cpp"
RESTARTS = "driver: restarts of several during an agreement change no list and lose no epoch"
INTRODUCTION = "relay/authority/introduction.cpp"
CHAIN = "relay/authority/core/driver_chain.cpp"
AWAY = "driver: with one of four away nothing is missed, and it catches up when it is back"

MUTANTS = [
    mutant("half-of-the-lists-admits", LISTING, "if (2 * capacities.size() <= lists.size()) continue;",
           "if (2 * capacities.size() < lists.size()) continue;", CORE,
           "listing: more than half of the lists admit a relay, and say whose it is"),
    mutant("listing-for-every-epoch", LISTING, 'directory::put_field(text, "epoch", epoch.value);',
           "static_cast<void>(epoch);", CORE,
           "listing: only an authority's own statement for this network and epoch is valid"),
    mutant("lists-of-too-few", RULES, "if (value.listings.size() < council_.quorum)", "if (value.listings.empty())", CORE,
           "document rules: a proposer can invent nothing"),
    mutant("bundle-without-a-bound", BUNDLE, "if (bytes.size() > size_max) return std::nullopt;",
           "static_cast<void>(size_max);", CORE, "bundle: what is too long is left out, and refused"),
    mutant("speaks-before-the-disk", DRIVER, '        setup_.disk->put("state." + number(epoch), unwritten->state);\n', "",
           CORE, "driver: what it has said is on its disk, at any time"),
    mutant("decisions-of-others-unseen", DRIVER, "    if (decides) claim(certificate);\n", "", CORE, AWAY),
    mutant("signed-document-forgotten", CHAIN, "        if (document) sign(*document);\n",
           "        static_cast<void>(document);\n", CORE,
           "driver: after other parameters it does not sign a second document of an epoch"),
    mutant("damaged-state-is-begun-anew", CHAIN, "        barred_.insert(epoch);\n", "", CORE,
           "driver: a damaged state bars its epoch, and no other"),
    mutant("introduction-of-anybody", INTRODUCTION,
           "if (reader.ok() && !directory::verifies(signed_part, signature))", "if (reader.ok() && signed_part.empty())",
           UNIT, "introduction: the form has one text, and what was changed is refused"),
    mutant("parameters-differ", INTRODUCTION, "if (other.terms != own.terms)", "if (other.terms.empty())", UNIT,
           "introduction: what does not fit is named before there is a network"),
    mutant("restart-states-no-relays", DRIVER_HEADER, "std::optional<Admissions> own_;",
           "std::optional<Admissions> own_ = Admissions{};", CORE, RESTARTS),
    mutant("restart-states-no-list", DRIVER, "if (!first && at != running_.end() && at->second.agreement) continue;",
           "if (at != running_.end() && (at->second.agreement || first)) continue;", CORE, RESTARTS),
    mutant("bundle-of-any-number-of-items", BUNDLE, "        if (bundle.size() == items_max) return std::nullopt;\n", "",
           CORE, BUNDLE_BOUNDS),
    mutant("descriptors-unseen-for-ever", OFFERS, "    if (seen_.size() >= seen_max) seen_.clear();\n    seen_.insert(hash);",
           "    if (seen_.size() < seen_max) seen_.insert(hash);", CORE, MANY_HASHES),
    mutant("descriptors-never-asked-for", OFFERS, "return !seen_.contains(hash) && hash != descriptors_hash();",
           "return seen_.size() < seen_max && !seen_.contains(hash) && hash != descriptors_hash();", CORE, MANY_HASHES),
    mutant("old-descriptor-is-written", MEMBER, "if (taken ? taken->fresh : offered.fresh)", "if (!taken || taken->fresh)", UNIT,
           "member: a descriptor that is here already, or an older one, is not written"),
    mutant("value-filled-with-strangers", RULES, 'return "it has a descriptor of a relay that is not admitted";', "return {};",
           CORE, FILLED),
    mutant("value-filled-with-one-relay", RULES, 'return "it has two descriptors of one relay";', "return {};", CORE, FILLED),
    mutant("filled-decision-is-not-followed", RULES, "!decided && !wrong.empty())", "!wrong.empty())", CORE, FILLED),
    mutant("thousands-of-listings-in-a-bundle", DRIVER, "    if (const auto* sent = std::get_if<SentListing>(&item))\n"
           "        return std::pair{sent->epoch, sent->listing.authority};\n", "", CORE, SAID_ONCE),
    mutant("thousands-of-commitments-in-a-bundle", DRIVER, "    if (const auto* sent = std::get_if<SentCommitment>(&item))\n"
           "        return std::pair{sent->epoch, sent->commitment.authority};\n", "", CORE, SAID_ONCE),
    mutant("thousands-of-signatures-in-a-bundle", DRIVER, "    if (const auto* sent = std::get_if<SentSignature>(&item))\n"
           "        return std::pair{sent->epoch, sent->signature.authority};\n", "", CORE, SAID_ONCE),
    mutant("a-bundle-for-one-epoch", DRIVER, "!said.emplace(item.index(), speaker->first, speaker->second).second",
           "!said.emplace(item.index(), base::Epoch{}, speaker->second).second", CORE, SAID_ONCE),
    mutant("each-list-reads-all-descriptors", OFFERS, "void Offers::offer_lists_to(DocumentRules& rules) const {\n",
           "void Offers::offer_lists_to(DocumentRules& rules) const {\n    for (const auto& [relay, described] : descriptors_)\n"
           "        rules.offer_descriptor(described.text);\n", CORE, LISTS_ALONE),
    mutant("thousands-of-hashes-in-a-bundle", MEMBER, "its != nullptr && named.insert(its->epoch).second && driver_",
           "its != nullptr && (named.insert(its->epoch), true) && driver_", UNIT,
           "member: of the hashes of descriptors in a bundle the first of each epoch counts"),
    mutant("named-hash-hides-descriptors", DRIVER, "offers_.at(its.epoch).saw(descriptors_hash(bundle));",
           "offers_.at(its.epoch).saw(its.hash);", CORE,
           "driver: to name another one's hash and send other descriptors does not hide its own"),
]
