#include "relay/authority/registry.hpp"

#include <algorithm>

#include "relay/authority/core/weights.hpp"
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

/// The sentence for a relay that is left out.
std::string without(const directory::Relay& relay, const std::string& why) {
    return called(relay) + " is left out: " + why;
}

}  // namespace

void Registry::admit(AdmittedList list) {
    ++changes_;
    admitted_ = std::move(list);
    places_.clear();
    for (std::size_t i = 0; i < admitted_.size(); ++i)
        places_[admitted_[i].identity] = i;
    const auto gone = [this](const auto& entry) { return !places_.contains(entry.first); };
    for (auto& [epoch, entries] : epochs_)
        std::erase_if(entries, gone);
    std::erase_if(refused_, gone);
}

const Admitted* Registry::find(const base::NodeId& identity) const {
    const auto found = places_.find(identity);
    return found == places_.end() ? nullptr : &admitted_[found->second];
}

base::Result<Registry::Taken, Refusal> Registry::offer(std::string_view text, base::Epoch current,
                                                       const std::set<base::Epoch>& signed_epochs) {
    auto parsed = directory::parse_descriptor(text);
    if (!parsed)
        return base::Fail{Refusal{400, "line " + std::to_string(parsed.error().line) +
                                           " of the descriptor: " + parsed.error().reason}};
    const auto identity = parsed->relay.identity;
    const auto epoch = parsed->epoch;
    if (find(identity) == nullptr)
        return base::Fail{
            Refusal{403,
                    "the relay is not on this authority's list; its operator can add it: "
                    "nightjar-authority admit " +
                        base::to_hex(identity.bytes) + " --operator NAME"}};
    auto taken = take(*std::move(parsed), current, signed_epochs);
    if (!taken) refused_[identity] = {epoch, taken.error().reason};
    return taken;
}

/// Precondition: the relay is admitted.
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
    // After a restart a relay makes the same one anew.
    if (mine != entries.end() && mine->second.relay == relay)
        return Taken{epoch, relay.identity, called(relay), false, false};
    if (signed_epochs.contains(epoch))
        return base::Fail{Refusal{
            409, "too late: the document of epoch " + number(epoch) + " is signed already"}};
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
    return found != epochs_.end() && found->second.size() == admitted_.size();
}

void Registry::state_unreachable(const std::set<base::NodeId>& relays) {
    if (relays == unreachable_) return;
    ++changes_;
    unreachable_ = relays;
}

Registry::Draft Registry::build(directory::Document document, Unreachable which) const {
    Draft draft{std::move(document), {}};
    auto& relays = draft.document.relays;
    std::map<directory::Endpoint, std::string> addresses;  // and the relay that has it
    const auto found = epochs_.find(draft.document.epoch);
    for (const auto& said : admitted_) {
        if (found == epochs_.end() || !found->second.contains(said.identity)) continue;
        auto relay = found->second.at(said.identity).relay;
        relay.operator_name = said.operator_name;
        relay.family = said.family;
        relay.capacity = said.capacity;
        if (which == Unreachable::left_out && unreachable_.contains(said.identity)) {
            draft.left_out.push_back(
                without(relay, "this authority cannot reach it at its addresses"));
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
        offers.push_back({&relay, found->second.at(relay.identity).capacity});
    core::set_weights(offers);
    directory::sort(draft.document);
    return draft;
}

}  // namespace nightjar::relay::authority
