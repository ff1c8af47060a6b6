#include "relay/authority/core/offers.hpp"

#include <algorithm>
#include <tuple>

namespace nightjar::relay::authority::core {

namespace {

constexpr std::size_t seen_max = 256;

void add_hash(std::string& all, std::string_view descriptor) {
    all += base::as_text(value_id(base::as_bytes(descriptor)).bytes);
}

}  // namespace

bool Offers::add(const Commitment& commitment) {
    if (commitments_.contains(commitment.authority) || !verifies(commitment, council_, epoch_))
        return false;
    return commitments_.emplace(commitment.authority, commitment).second;
}

bool Offers::add(const Listing& listing) {
    const auto held = listings_.find(listing.authority);
    if (held != listings_.end() && held->second.made >= listing.made) return false;
    if (!verifies(listing, council_, epoch_)) return false;
    listings_[listing.authority] = listing;
    std::set<ValueId> named;
    for (const auto& [authority, each] : listings_)
        named.insert(each.list);
    std::erase_if(lists_, [&named](const auto& entry) { return !named.contains(entry.first); });
    count_lists();
    return true;
}

bool Offers::add_list(base::ByteView list) {
    const auto id = value_id(list);
    if (!missing().contains(id)) return false;
    auto parsed = parse_admissions(list);
    if (!parsed) return false;
    lists_[id] = {std::make_shared<const base::Bytes>(list.begin(), list.end()),
                  *std::move(parsed)};
    count_lists();
    return true;
}

void Offers::count_lists() {
    std::vector<Admissions> said;
    for (const auto& [authority, listing] : listings_)
        if (const auto found = lists_.find(listing.list); found != lists_.end())
            said.push_back(found->second.admissions);
    auto admitted = combine(said, council_.quorum);
    if (admitted == admitted_) return;
    admitted_ = std::move(admitted);
    seen_.clear();
}

bool Offers::admits(const base::NodeId& relay) const {
    return is_admitted(admitted_, relay);
}

/// Whether a descriptor that is held counts by the lists as they are now.
bool Offers::counts(const base::NodeId& relay) const {
    const auto* said = find(admitted_, relay);
    return said == nullptr ? open_.open() : said->standing == Standing::admitted;
}

/// Why a relay that is not admitted has no place here; empty: it has one. The value shares the
/// places out among all that are here.
std::string Offers::open_fault(const directory::Relay& relay, const Roster& roster) const {
    const auto* said = find(admitted_, relay.identity);
    if (said != nullptr && said->standing == Standing::expelled) return "the relay is expelled";
    if (said != nullptr)
        return "the authorities cannot reach the relay at its addresses, or it loses packets";
    if (!open_.open()) return "the relay is not admitted";
    const auto prefix = open_prefix(relay);
    if (!prefix) return "all addresses of an open relay must be in one IPv4 /24 or IPv6 /48";
    // The roster has no more of them than there are places. Which of them keep theirs follows from
    // their age in the value, not from the order in which they come here.
    if (find(roster, relay.identity) != nullptr) return {};
    OpenPlaces places{open_};
    for (const auto& [other, described] : descriptors_)
        if (!admits(other) && find(roster, other) == nullptr)
            if (const auto its = open_prefix(described->descriptor.relay)) places.take(*its);
    return places.take(*prefix) ? "" : "there is no open place for another relay of its network";
}

bool Offers::holds(std::string_view descriptor) const {
    const auto relay = named_relay(descriptor);
    const auto held = relay ? descriptors_.find(*relay) : descriptors_.end();
    return held != descriptors_.end() && counts(*relay) && held->second->text == descriptor;
}

Offers::Taken Offers::add_descriptor(std::string_view text, const Roster& roster) {
    auto read = read_descriptor(text);
    if (!read) return {read.error()};
    return add_descriptor(*std::move(read), roster);
}

Offers::Taken Offers::add_descriptor(SharedDescriptor read, const Roster& roster) {
    const auto& descriptor = read->descriptor;
    if (descriptor.epoch != epoch_) return {"the descriptor is of another epoch"};
    const auto relay = descriptor.relay.identity;
    const auto held = descriptors_.find(relay);
    if (!admits(relay)) {
        if (held != descriptors_.end() && counts(relay)) {
            const auto& first = held->second->descriptor.relay;
            if (open_prefix(first) == open_prefix(descriptor.relay)) return {};
            in_two_prefixes_.insert(relay);
            return {{}, false, true};
        }
        if (auto fault = open_fault(descriptor.relay, roster); !fault.empty())
            return {std::move(fault)};
    }
    if (held == descriptors_.end() && descriptors_.size() >= descriptors_max + 2 * open_.relays)
        return {"there are too many relays"};
    if (held != descriptors_.end()) {
        // The same order at every authority: of two made at one time the text decides.
        if (std::tie(held->second->descriptor.made, held->second->text) >=
            std::tie(descriptor.made, read->text))
            return {};
    }
    descriptors_[relay] = std::move(read);
    return {{}, true};
}

bool Offers::complete() const {
    return std::all_of(admitted_.begin(), admitted_.end(), [this](const Admission& each) {
        return each.standing != Standing::admitted || descriptors_.contains(each.identity);
    });
}

std::set<ValueId> Offers::missing() const {
    std::set<ValueId> wanted;
    for (const auto& [authority, listing] : listings_)
        if (!lists_.contains(listing.list)) wanted.insert(listing.list);
    return wanted;
}

std::shared_ptr<const base::Bytes> Offers::list(const ValueId& id) const {
    const auto found = lists_.find(id);
    return found == lists_.end() ? nullptr : found->second.bytes;
}

bool Offers::enough() const {
    const auto usable =
        std::count_if(listings_.begin(), listings_.end(),
                      [this](const auto& entry) { return lists_.contains(entry.second.list); });
    return static_cast<std::size_t>(usable) >= council_.quorum &&
           commitments_.size() >= council_.quorum && !descriptors_.empty();
}

ValueId Offers::descriptors_hash() const {
    std::string all;
    for (const auto& [relay, described] : descriptors_)
        if (counts(relay)) add_hash(all, described->text);
    return value_id(base::as_bytes(all));
}

ValueId descriptors_hash(const Bundle& descriptors) {
    std::string all;
    for (const auto& item : descriptors)
        if (const auto* sent = std::get_if<SentDescriptor>(&item)) add_hash(all, sent->text);
    return value_id(base::as_bytes(all));
}

bool Offers::unseen(const ValueId& hash) const {
    return !seen_.contains(hash) && hash != descriptors_hash();
}

void Offers::saw(const ValueId& hash) {
    // To ask again costs a request; not to ask would lose descriptors.
    if (seen_.size() >= seen_max) seen_.clear();
    seen_.insert(hash);
}

void Offers::put_statements(Bundle& bundle) const {
    for (const auto& [authority, commitment] : commitments_)
        bundle.emplace_back(SentCommitment{epoch_, commitment});
    for (const auto& [authority, listing] : listings_)
        bundle.emplace_back(SentListing{epoch_, listing});
    bundle.emplace_back(DescriptorsHash{epoch_, descriptors_hash()});
}

Bundle Offers::descriptors() const {
    Bundle bundle;
    for (const auto& [relay, described] : descriptors_)
        if (counts(relay)) bundle.emplace_back(SentDescriptor{described->text});
    return bundle;
}

std::set<base::NodeId> Offers::described() const {
    std::set<base::NodeId> relays;
    for (const auto& [relay, described] : descriptors_)
        if (counts(relay)) relays.insert(relay);
    return relays;
}

void Offers::offer_to(DocumentRules& rules) const {
    for (const auto& [authority, commitment] : commitments_)
        rules.offer(commitment);
    offer_lists_to(rules);
    for (const auto& [relay, described] : descriptors_)
        rules.offer_descriptor(described);
    for (const auto& relay : in_two_prefixes_)
        rules.doubt(relay);
}

void Offers::offer_lists_to(DocumentRules& rules) const {
    for (const auto& [authority, listing] : listings_)
        if (const auto found = lists_.find(listing.list); found != lists_.end())
            rules.offer(listing, found->second.admissions);
}

}  // namespace nightjar::relay::authority::core
