#include "relay/authority/registry.hpp"

#include <algorithm>

#include "relay/authority/core/weights.hpp"
#include "relay/authority/door.hpp"
#include "sphinx/directory/positions.hpp"
#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::relay::authority {

namespace {

std::string number(base::Epoch epoch) {
    return std::to_string(epoch.value);
}

/// The key that two relays share, although each needs its own; nullptr: they share none.
const char* shared_key(const directory::Relay& a, const directory::Relay& b) {
    if (a.link_key == b.link_key) return "link key";
    if (a.mix_key == b.mix_key || a.mix_key == b.next_mix_key || a.next_mix_key == b.mix_key ||
        a.next_mix_key == b.next_mix_key)
        return "mix key";
    return nullptr;
}

/// True if the two say the same of one relay, or `but_optional`: all but its optional lines.
bool same(const directory::Relay& a, directory::Relay b, bool but_optional) {
    if (but_optional) b.optional = a.optional;
    return a == b;
}

/// The sentence for a relay that is left out.
std::string without(const directory::Relay& relay, const std::string& why) {
    return called(relay) + " is left out: " + why;
}

}  // namespace

void Registry::admit(AdmittedList list) {
    ++changes_;
    admitted_.clear();
    expelled_.clear();
    places_.clear();
    for (auto& each : list)
        if (each.expelled) {
            expelled_.insert(each.identity);
        } else {
            places_[each.identity] = admitted_.size();
            admitted_.push_back(std::move(each));
        }
    for (auto& [epoch, entries] : epochs_)
        std::erase_if(entries, [this](const auto& entry) {
            return !lists(entry.first) && (!open_.open() || expelled_.contains(entry.first));
        });
    std::erase_if(refused_, [this](const auto& entry) { return !lists(entry.first); });
}

const Admitted* Registry::find(const base::NodeId& identity) const {
    const auto found = places_.find(identity);
    return found == places_.end() ? nullptr : &admitted_[found->second];
}

/// A relay without an operator that had a descriptor for the epoch before. In another prefix it is
/// a newcomer: it must not take the place of one that was there.
bool Registry::is_old(const directory::Relay& stranger, base::Epoch epoch) const {
    if (epoch.value == 0) return false;
    const auto before = epochs_.find({epoch.value - 1});
    if (before == epochs_.end()) return false;
    const auto held = before->second.find(stranger.identity);
    return held != before->second.end() &&
           core::open_prefix(held->second.relay) == core::open_prefix(stranger);
}

/// Why the descriptor of a relay that is not listed does not count.
std::optional<Refusal> Registry::stranger_refusal(
    const directory::Descriptor& descriptor, const std::optional<base::IpAddress>& from) const {
    const auto& relay = descriptor.relay;
    const auto name = base::to_hex(relay.identity.bytes);
    if (expelled_.contains(relay.identity))
        return Refusal{403, "the relay is expelled from this network"};
    if (!open_.open())
        return Refusal{403,
                       "the relay is not on this authority's list; its operator can add it: "
                       "nightjar-authority admit " +
                           name + " --operator NAME"};
    if (from)
        if (auto fault = door_fault(relay, *from); !fault.empty())
            return Refusal{403, std::move(fault)};
    const auto entries = epochs_.find(descriptor.epoch);
    if (entries == epochs_.end() || entries->second.contains(relay.identity)) return std::nullopt;
    // As many of either kind are held. build() shares the places out.
    const bool old = is_old(relay, descriptor.epoch);
    core::OpenPlaces places{open_};
    for (const auto& [other, held] : entries->second)
        if (const auto prefix = core::open_prefix(held.relay);
            prefix && !lists(other) && is_old(held.relay, descriptor.epoch) == old)
            places.take(*prefix);
    if (places.take(core::open_prefix(relay).value())) return std::nullopt;
    return Refusal{
        403,
        "no operator has admitted this relay, and there is no open place for another one "
        "of its network: ask an operator to admit it: nightjar-authority admit " +
            name + " --operator NAME"};
}

base::Result<Registry::Taken, Refusal> Registry::offer(std::string_view text, base::Epoch current,
                                                       const std::set<base::Epoch>& signed_epochs,
                                                       const std::optional<base::IpAddress>& from) {
    auto parsed = directory::parse_descriptor(text);
    if (!parsed)
        return base::Fail{Refusal{400, "line " + std::to_string(parsed.error().line) +
                                           " of the descriptor: " + parsed.error().reason}};
    const auto identity = parsed->relay.identity;
    const auto epoch = parsed->epoch;
    if (!lists(identity))
        if (auto refusal = stranger_refusal(*parsed, from)) return base::Fail{*std::move(refusal)};
    auto taken = take(*std::move(parsed), current, signed_epochs);
    if (!taken && lists(identity)) refused_[identity] = {epoch, taken.error().reason};
    return taken;
}

/// Precondition: the relay is admitted, or has an open place.
base::Result<Registry::Taken, Refusal> Registry::take(directory::Descriptor descriptor,
                                                      base::Epoch current,
                                                      const std::set<base::Epoch>& signed_epochs) {
    const auto& relay = descriptor.relay;
    const auto epoch = descriptor.epoch;
    if (epoch != current && epoch != current.next())
        return base::Fail{Refusal{425, "the descriptor is for epoch " + number(epoch) +
                                           ", and by this authority's clock it is epoch " +
                                           number(current) +
                                           ": check the relay's clock and its epoch length"}};
    auto& entries = epochs_[epoch];
    const auto mine = entries.find(relay.identity);
    // After a restart a relay makes the same one anew. What says no more than that a later version
    // of the program has started can wait for the next epoch.
    const bool fixed = signed_epochs.contains(epoch) || !lists(relay.identity);
    if (mine != entries.end() && same(mine->second.relay, relay, fixed))
        return Taken{epoch, relay.identity, called(relay), false, false};
    if (signed_epochs.contains(epoch))
        return base::Fail{Refusal{
            409, "too late: the document of epoch " + number(epoch) + " is signed already"}};
    if (mine != entries.end() && !lists(relay.identity))
        return base::Fail{
            Refusal{409,
                    "of an open relay the first descriptor of an epoch counts: another one "
                    "can be sent for the next epoch"}};
    if (mine != entries.end() && mine->second.made > descriptor.made)
        return base::Fail{Refusal{409, "a newer descriptor of this relay is here already"}};
    for (const auto& [identity, other] : entries)
        if (const auto* key = shared_key(relay, other.relay);
            key != nullptr && identity != relay.identity)
            return base::Fail{
                Refusal{409, std::string{"its "} + key + " is that of " + called(other.relay)}};
    ++changes_;
    Taken taken{epoch, relay.identity, called(relay), true, mine == entries.end()};
    entries[taken.identity] = std::move(descriptor);
    return taken;
}

std::vector<std::string> Registry::unlisted(const directory::Document& document,
                                            const std::set<base::NodeId>& described) const {
    std::vector<std::string> sentences;
    const auto found = epochs_.find(document.epoch);
    for (const auto& said : admitted_) {
        const bool here = found != epochs_.end() && found->second.contains(said.identity);
        if (here || described.contains(said.identity) || document.find(said.identity) != nullptr)
            continue;
        const auto refused = refused_.find(said.identity);
        const bool of_this_epoch =
            refused != refused_.end() && refused->second.epoch == document.epoch;
        sentences.push_back("the relay " + base::to_hex(said.identity.bytes) + " of " +
                            said.operator_name + " is left out: " +
                            (of_this_epoch ? "its descriptor was refused: " + refused->second.reason
                                           : "no descriptor of it has come for this epoch"));
    }
    return sentences;
}

void Registry::forget_before(base::Epoch first) {
    epochs_.erase(epochs_.begin(), epochs_.lower_bound(first));
}

std::set<base::NodeId> Registry::described(base::Epoch epoch) const {
    std::set<base::NodeId> relays;
    if (const auto found = epochs_.find(epoch); found != epochs_.end())
        for (const auto& [identity, descriptor] : found->second)
            relays.insert(identity);
    return relays;
}

bool Registry::complete(base::Epoch epoch) const {
    const auto found = epochs_.find(epoch);
    return found != epochs_.end() &&
           std::all_of(admitted_.begin(), admitted_.end(),
                       [&](const Admitted& each) { return found->second.contains(each.identity); });
}

void Registry::state_unreachable(const std::set<base::NodeId>& relays) {
    if (relays == unreachable_) return;
    ++changes_;
    unreachable_ = relays;
}

/// Each relay that may be listed, with what its operator says about it, in the order in which they
/// are asked.
std::vector<directory::Relay> Registry::candidates(base::Epoch epoch, bool strangers) const {
    std::vector<directory::Relay> all;
    const auto found = epochs_.find(epoch);
    if (found == epochs_.end()) return all;
    for (const auto& said : admitted_) {
        if (!found->second.contains(said.identity)) continue;
        auto& relay = all.emplace_back(found->second.at(said.identity).relay);
        relay.operator_name = said.operator_name;
        relay.family = said.family;
        relay.capacity = said.capacity;
    }
    if (!strangers) return all;
    std::vector<core::OpenClaim> claims;
    for (const auto& [identity, descriptor] : found->second)
        if (const auto prefix = core::open_prefix(descriptor.relay); prefix && !lists(identity))
            claims.push_back(
                {identity, *prefix, is_old(descriptor.relay, epoch) ? base::Epoch{} : epoch});
    const auto placed = core::share_places(std::move(claims), open_);
    for (const bool old : {true, false})
        for (const auto& identity : placed)
            if (const auto& relay = found->second.at(identity).relay; is_old(relay, epoch) == old)
                all.push_back(relay);
    return all;
}

Registry::Draft Registry::build(directory::Document document, Unreachable which,
                                bool strangers) const {
    Draft draft{std::move(document), {}};
    auto& relays = draft.document.relays;
    std::map<directory::Endpoint, std::string> addresses;  // and the relay that has it
    for (const auto& relay : candidates(draft.document.epoch, strangers)) {
        if (which == Unreachable::left_out && unreachable_.contains(relay.identity)) {
            draft.left_out.push_back(without(
                relay, "this authority cannot reach it at its addresses, or it loses packets"));
            continue;
        }
        const auto taken = std::find_if(relay.addresses.begin(), relay.addresses.end(),
                                        [&](const auto& at) { return addresses.contains(at); });
        if (taken != relay.addresses.end()) {
            draft.left_out.push_back(without(
                relay, directory::to_text(*taken) + " is the address of " + addresses.at(*taken)));
            continue;
        }
        relays.push_back(relay);
        if (const auto pairs = directory::two_positions(draft.document); !pairs.empty()) {
            draft.left_out.push_back(without(relay, to_text(pairs.front())));
            relays.pop_back();
            continue;
        }
        for (const auto& at : relay.addresses)
            addresses.emplace(at, called(relay));
    }
    std::vector<core::Offer> offers;
    for (auto& relay : relays)
        offers.push_back({&relay, epochs_.at(draft.document.epoch).at(relay.identity).capacity,
                          !lists(relay.identity)});
    core::set_weights(offers);
    directory::sort(draft.document);
    return draft;
}

}  // namespace nightjar::relay::authority
