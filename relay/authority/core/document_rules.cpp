#include "relay/authority/core/document_rules.hpp"

#include <algorithm>
#include <set>

#include "sphinx/directory/lint.hpp"

namespace nightjar::relay::authority::core {

namespace {

/// The relays of descriptors, sorted.
std::vector<base::NodeId> identities_of(const std::vector<directory::Descriptor>& descriptors) {
    std::vector<base::NodeId> all;
    for (const auto& descriptor : descriptors)
        all.push_back(descriptor.relay.identity);
    std::sort(all.begin(), all.end());
    return all;
}

/// Descriptors that do not count would let a proposer make each value as large as a value may be.
/// The reason why a value must not have these; empty: there is none.
std::string padding_fault(const EpochOutcome& outcome, const OpenBounds& bounds) {
    const auto& described = outcome.described;
    const auto placed = share_places(outcome.open, places_beside(outcome.admitted, bounds));
    if (!std::all_of(described.begin(), described.end(), [&](const base::NodeId& relay) {
            return is_admitted(outcome.admitted, relay) || placed.contains(relay);
        }))
        return "it has a descriptor of a relay that is not admitted";
    if (std::adjacent_find(described.begin(), described.end()) != described.end())
        return "it has two descriptors of one relay";
    return {};
}

/// The reason why a document must not be signed; empty: there is none.
std::string document_fault(const directory::Document& document) {
    if (document.layers() < directory::layers_max) return "a layer has no mix";
    const auto problems = directory::lint(document);
    if (!problems.empty()) return problems.front();
    const auto parsed = directory::parse(directory::to_text(document));
    return parsed ? std::string{} : "the document would not parse: " + parsed.error().reason;
}

struct Draft {
    Built built;
    std::string fault;
};

/// The best document that may be signed. Better one without strangers, or with relays that do not
/// answer, than none: strangers could crowd a layer, or keep its relays from answering.
Draft draft_of(Terms terms, base::Epoch epoch, const std::vector<directory::Descriptor>& all,
               const std::optional<Randomness>& randomness, const Roster& roster,
               NewMixes new_mixes) {
    const auto made = [&](const OpenBounds& open) {
        terms.open = open;
        Draft draft{build_document(terms, epoch, all, randomness, roster, new_mixes), {}};
        draft.fault = document_fault(draft.built.document);
        return draft;
    };
    const auto open = terms.open;
    const auto best = [&] {
        auto draft = made(open);
        if (draft.fault.empty() || !open.open()) return draft;
        auto closed = made({});
        return closed.fault.empty() ? std::move(closed) : std::move(draft);
    };
    auto draft = best();
    const auto unreachable = [](const Admission& each) { return each.unreachable; };
    if (draft.fault.empty() ||
        std::none_of(terms.admitted.begin(), terms.admitted.end(), unreachable))
        return draft;
    for (auto& each : terms.admitted)
        each.unreachable = false;
    return best();
}

}  // namespace

base::Result<SharedDescriptor, std::string> read_descriptor(std::string_view text) {
    auto parsed = directory::parse_descriptor(text);
    if (!parsed) return base::Fail{"the descriptor is not valid: " + parsed.error().reason};
    return std::make_shared<const ReadDescriptor>(
        ReadDescriptor{std::string{text}, *std::move(parsed)});
}

std::optional<base::NodeId> named_relay(std::string_view descriptor) {
    constexpr std::string_view line = "\nrelay ";
    const auto at = descriptor.find(line);
    if (at == descriptor.npos) return std::nullopt;
    const auto bytes = base::from_hex(descriptor.substr(at + line.size(), 64));
    return bytes ? base::NodeId::from(*bytes) : std::nullopt;
}

DocumentRules::DocumentRules(const Council& council, const Terms& terms, base::Epoch epoch,
                             Chain before)
    : council_{council}, terms_{terms}, epoch_{epoch}, before_{std::move(before)} {}

/// Precondition: each listing names one of the lists.
Admissions DocumentRules::admitted_by(const EpochValue& value) const {
    std::map<ValueId, const Admissions*> lists;
    for (const auto& list : value.lists)
        lists[value_id(encode(list))] = &list;
    std::vector<Admissions> said;
    for (const auto& listing : value.listings)
        said.push_back(*lists.at(listing.list));
    return combine(said, council_.quorum);
}

std::string DocumentRules::offer_descriptor(std::string_view text) {
    auto read = read_descriptor(text);
    if (!read) return read.error();
    if ((*read)->descriptor.epoch != epoch_) return "the descriptor is of another epoch";
    offer_descriptor(*std::move(read));
    return {};
}

void DocumentRules::offer_descriptor(SharedDescriptor read) {
    const auto claim = claim_of(read->descriptor, {}, before_.roster);
    const auto relay = read->descriptor.relay.identity;
    descriptors_[relay] = {std::move(read), claim};
}

/// The reason why these descriptors cannot be used; empty: `read` has them. Those that were offered
/// are not read again.
std::string DocumentRules::read_descriptors(const std::vector<std::string>& texts,
                                            std::vector<directory::Descriptor>& read) const {
    for (const auto& text : texts) {
        const auto relay = named_relay(text);
        const auto held = relay ? descriptors_.find(*relay) : descriptors_.end();
        if (held != descriptors_.end() && held->second.read->text == text) {
            read.push_back(held->second.read->descriptor);
            continue;
        }
        auto descriptor = directory::parse_descriptor(text);
        if (!descriptor) return "a descriptor is not valid: " + descriptor.error().reason;
        if (descriptor->epoch != epoch_) return "a descriptor is of another epoch";
        read.push_back(*std::move(descriptor));
    }
    return {};
}

void DocumentRules::doubt(const base::NodeId& relay) {
    doubted_.insert(relay);
    std::erase_if(wanted_open_, [&](const OpenClaim& claim) { return claim.identity == relay; });
}

bool DocumentRules::offer(const Reveal& reveal) {
    const bool sound = std::any_of(before_.commitments.begin(), before_.commitments.end(),
                                   [&](const Commitment& commitment) {
                                       return opens(reveal, commitment, council_, before_.epoch);
                                   });
    if (sound) reveals_[reveal.authority] = reveal;
    return sound;
}

bool DocumentRules::offer(const Commitment& commitment) {
    const bool sound = verifies(commitment, council_, epoch_);
    if (sound) commitments_[commitment.authority] = commitment;
    return sound;
}

bool DocumentRules::offer(const Listing& listing, const Admissions& list) {
    const auto held = listings_.find(listing.authority);
    if (held != listings_.end() && held->second.first.made >= listing.made) return false;
    const bool sound =
        listing.list == value_id(encode(list)) && verifies(listing, council_, epoch_);
    if (sound) listings_[listing.authority] = {listing, list};
    return sound;
}

void DocumentRules::insist() {
    relent();
    for (const auto& [identity, offered] : descriptors_) {
        wanted_relays_.push_back(identity);
        if (offered.claim && find(before_.roster, identity) != nullptr &&
            !doubted_.contains(identity))
            wanted_open_.push_back(*offered.claim);
    }
    for (const auto& [authority, reveal] : reveals_)
        wanted_reveals_.push_back(authority);
}

void DocumentRules::relent() {
    wanted_relays_.clear();
    wanted_open_.clear();
    wanted_reveals_.clear();
}

/// True if the value is without a wanted relay that would have a place beside those that it has.
bool DocumentRules::lacks_open(const EpochOutcome& outcome) const {
    if (!terms_.open.open()) return false;
    std::set<base::NodeId> missing;
    auto claims = outcome.open;
    for (const auto& claim : wanted_open_) {
        const auto& relay = claim.identity;
        if (find(outcome.admitted, relay) != nullptr ||
            std::binary_search(outcome.described.begin(), outcome.described.end(), relay))
            continue;
        missing.insert(relay);
        claims.push_back(claim);
    }
    const auto placed = share_places(claims, places_beside(outcome.admitted, terms_.open));
    return std::any_of(missing.begin(), missing.end(),
                       [&](const auto& relay) { return placed.contains(relay); });
}

bool DocumentRules::valid(base::ByteView value) {
    const auto follows = outcome(value);
    if (!follows) return false;
    const auto& missing = follows->missing_reveals;
    const auto left_out = [&](const base::NodeId& relay) {
        return is_admitted(follows->admitted, relay) &&
               !std::binary_search(follows->described.begin(), follows->described.end(), relay);
    };
    return std::none_of(wanted_relays_.begin(), wanted_relays_.end(), left_out) &&
           !lacks_open(*follows) &&
           std::find_first_of(wanted_reveals_.begin(), wanted_reveals_.end(), missing.begin(),
                              missing.end()) == wanted_reveals_.end();
}

base::Bytes DocumentRules::build() {
    EpochValue value{epoch_, before_.last, {}, {}, {}, {}, {}};
    for (const auto& [authority, reveal] : reveals_)
        value.reveals.push_back(reveal);
    for (const auto& [authority, commitment] : commitments_)
        value.commitments.push_back(commitment);
    std::map<ValueId, Admissions> lists;
    for (const auto& [authority, said] : listings_) {
        value.listings.push_back(said.first);
        lists[said.first.list] = said.second;
    }
    for (const auto& [id, list] : lists)
        value.lists.push_back(list);
    const auto admitted = admitted_by(value);
    std::vector<OpenClaim> claims;
    for (const auto& [identity, offered] : descriptors_)
        if (offered.claim && find(admitted, identity) == nullptr) claims.push_back(*offered.claim);
    const auto placed = share_places(claims, places_beside(admitted, terms_.open));
    for (const auto& [identity, offered] : descriptors_)
        if (is_admitted(admitted, identity) || placed.contains(identity))
            value.descriptors.push_back(offered.read->text);
    std::sort(value.descriptors.begin(), value.descriptors.end());
    if (value.descriptors.size() > descriptors_max) value.descriptors.resize(descriptors_max);
    auto bytes = encode(value);
    fault_.clear();
    if (valid(bytes)) return bytes;
    const auto follows = outcome(bytes);
    fault_ = follows ? "it lacks what this authority insists on" : follows.error();
    return {};
}

std::string DocumentRules::chain_fault(const EpochValue& value) const {
    if (value.epoch != epoch_) return "it is of another epoch";
    if (value.previous != before_.last) return "it follows another value than the last one decided";
    const auto faulty = council_.size() - council_.quorum;
    if (value.reveals.size() + faulty < before_.commitments.size())
        return "it leaves out more reveals than there may be faulty authorities";
    for (const auto& reveal : value.reveals)
        if (std::none_of(before_.commitments.begin(), before_.commitments.end(),
                         [&](const Commitment& commitment) {
                             return opens(reveal, commitment, council_, before_.epoch);
                         }))
            return "a reveal opens no commitment";
    if (value.commitments.size() < council_.quorum) return "it has too few commitments";
    for (const auto& commitment : value.commitments)
        if (!verifies(commitment, council_, epoch_)) return "a commitment is not its authority's";
    if (value.listings.size() < council_.quorum) return "it has lists of too few authorities";
    for (const auto& listing : value.listings)
        if (!verifies(listing, council_, epoch_)) return "a list is not its authority's";
    return {};
}

base::Result<EpochOutcome, std::string> DocumentRules::outcome(base::ByteView bytes) const {
    return follow(bytes, false);
}

base::Result<EpochOutcome, std::string> DocumentRules::outcome_of_decided(
    base::ByteView bytes) const {
    return follow(bytes, true);
}

base::Result<EpochOutcome, std::string> DocumentRules::follow(base::ByteView bytes,
                                                              bool decided) const {
    const auto value = parse_epoch_value(bytes);
    if (!value) return base::Fail{std::string{"it has not the form of a value"}};
    if (const auto wrong = chain_fault(*value); !wrong.empty()) return base::Fail{wrong};

    EpochOutcome outcome;
    outcome.next = {value_id(bytes), epoch_, value->commitments, before_.roster};
    std::vector<directory::Descriptor> descriptors;
    if (const auto wrong = read_descriptors(value->descriptors, descriptors); !wrong.empty())
        return base::Fail{wrong};
    const auto shared = combine(council_, before_.epoch, before_.commitments, value->reveals);
    auto terms = terms_;
    terms.admitted = outcome.admitted = admitted_by(*value);
    outcome.described = identities_of(descriptors);
    for (const auto& descriptor : descriptors)
        if (const auto claim = claim_of(descriptor, outcome.admitted, before_.roster))
            outcome.open.push_back(*claim);
    if (const auto wrong = padding_fault(outcome, terms_.open); !decided && !wrong.empty())
        return base::Fail{wrong};
    auto [built, fault] =
        draft_of(terms, epoch_, descriptors, shared.value, before_.roster, NewMixes::wait);
    if (fault.empty()) {
        outcome.document = std::move(built.document);
    } else if (!decided) {
        const auto whole =
            draft_of(terms, epoch_, descriptors, Randomness{}, before_.roster, NewMixes::at_once);
        if (!whole.fault.empty()) return base::Fail{whole.fault};
    }
    outcome.left_out = std::move(built.left_out);
    outcome.missing_reveals = shared.missing;
    outcome.next.roster = std::move(built.roster);
    return outcome;
}

}  // namespace nightjar::relay::authority::core
