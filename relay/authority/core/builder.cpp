#include "relay/authority/core/builder.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "relay/authority/core/weights.hpp"
#include "sphinx/directory/announcement.hpp"
#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::relay::authority::core {

namespace {

struct Candidate {
    directory::Relay relay;
    RelayRecord record;
    base::Wall made;      // by the descriptor
    std::string text;     // what the descriptor says of the relay
    bool is_new = false;  // in no value before
    bool open = false;    // no operator has admitted it
    std::size_t group = 0;
    std::uint32_t announced = 1;  // the capacity in the descriptor
};

class Builder {
 public:
    Builder(const Terms& terms, base::Epoch epoch, const Roster& roster, NewMixes new_mixes)
        : terms_{terms}, epoch_{epoch}, roster_{roster}, new_mixes_{new_mixes} {
        for (const auto& admission : terms.admitted)
            if (admission.standing == Standing::admitted)
                admitted_[admission.identity] = &admission;
    }

    Built build(const std::vector<directory::Descriptor>& descriptors,
                const std::optional<Randomness>& randomness) {
        give_places(descriptors);
        for (const auto& descriptor : descriptors)
            admit(descriptor);
        // Who was listed first comes first, so a newcomer cannot take its keys or its position.
        // Of a relay's descriptors the newest comes first, whatever their order is in the value.
        std::sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) {
            return std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <
                   std::tie(b.open, b.record.since, b.relay.identity, a.made, b.text);
        });
        drop_if([this](const Candidate& candidate) { return shared_key(candidate); });
        make_groups();
        drop_if([this](const Candidate& candidate) { return second_position(candidate); });
        weigh();
        drop_if([this](const Candidate& candidate) { return must_wait(candidate); });
        place_mixes(randomness);
        drop_if([](const Candidate& candidate) {
            const bool waits =
                candidate.relay.role == directory::Role::mix && candidate.relay.layer == 0;
            return waits ? "it waits for its layer, until enough authorities reveal"
                         : std::string{};
        });
        fill();
        return std::move(built_);
    }

 private:
    void leave_out(const directory::Relay& relay, const std::string& why) {
        built_.left_out.push_back(directory::called(relay) + " is left out: " + why);
    }

    /// `why` returns the reason; empty: it stays. Earlier candidates are asked first.
    template <class Why>
    void drop_if(const Why& why) {
        std::vector<Candidate> kept;
        for (auto& candidate : candidates_) {
            if (const auto reason = why(candidate); !reason.empty())
                leave_out(candidate.relay, reason);
            else
                kept.push_back(std::move(candidate));
        }
        candidates_ = std::move(kept);
    }

    void give_places(const std::vector<directory::Descriptor>& descriptors) {
        std::map<base::NodeId, OpenClaim> claims;
        for (const auto& descriptor : descriptors)
            if (const auto claim = claim_of(descriptor, terms_.admitted, roster_); claim)
                claims.emplace(claim->identity, *claim);
        std::vector<OpenClaim> all;
        for (const auto& [identity, claim] : claims)
            all.push_back(claim);
        placed_ = share_places(std::move(all), places_beside(terms_.admitted, terms_.open));
    }

    /// Why the relay cannot be listed, whatever the others are; empty: it may be.
    std::string refusal(const directory::Descriptor& descriptor) const {
        const auto& identity = descriptor.relay.identity;
        if (descriptor.epoch != epoch_) return "its descriptor is of another epoch";
        const auto* said = find(terms_.admitted, identity);
        if (said != nullptr && said->unreachable)
            return "the authorities cannot reach it at its addresses, or it loses packets";
        if (admitted_.contains(identity) || placed_.contains(identity)) return {};
        if (said != nullptr && said->standing == Standing::expelled) return "it is expelled";
        return terms_.open.open() ? "it is not admitted, and there is no open place for it"
                                  : "it is not admitted";
    }

    void admit(const directory::Descriptor& descriptor) {
        if (const auto why = refusal(descriptor); !why.empty())
            return leave_out(descriptor.relay, why);
        Candidate candidate{descriptor.relay, {}, descriptor.made, {}};
        candidate.announced = descriptor.capacity;
        auto& relay = candidate.relay;
        directory::put_field(candidate.text, "capacity", descriptor.capacity);
        directory::put_relay(candidate.text, relay, directory::RelayForm::descriptor);
        const auto admitted = admitted_.find(relay.identity);
        candidate.open = admitted == admitted_.end();
        // An open relay is an operator of its own.
        relay.operator_name = candidate.open ? "" : admitted->second->operator_name;
        relay.family = candidate.open ? "" : admitted->second->family;
        if (!candidate.open) relay.capacity = admitted->second->capacity;
        const auto* known = find(roster_, relay.identity);
        candidate.is_new = known == nullptr;
        candidate.record =
            known != nullptr ? *known : RelayRecord{relay.identity, epoch_, epoch_, 0};
        relay.layer = relay.role == directory::Role::mix ? candidate.record.layer : 0;
        candidates_.push_back(std::move(candidate));
    }

    std::string shared_key(const Candidate& candidate) {
        const auto& relay = candidate.relay;
        if (!described_.insert(relay.identity).second)
            return "it has two descriptors for this epoch, and the other one is used";
        std::vector<std::string> keys{"link key " + base::to_hex(relay.link_key.bytes),
                                      "mix key " + base::to_hex(relay.mix_key.bytes),
                                      "mix key " + base::to_hex(relay.next_mix_key.bytes)};
        for (const auto& address : relay.addresses)
            keys.push_back("address " + directory::to_text(address));
        for (const auto& key : keys)
            if (const auto user = users_.find(key); user != users_.end())
                return user->second + " has its " + key;
        for (const auto& key : keys)
            users_[key] = directory::called(relay);
        return {};
    }

    /// Joins the relays that share an operator or a family, directly or through others.
    void make_groups() {
        std::map<std::pair<bool, std::string>, std::size_t> first;
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            candidates_[i].group = i;
            for (const bool family : {false, true}) {
                const auto& relay = candidates_[i].relay;
                const auto& name = family ? relay.family : relay.operator_name;
                if (name.empty()) continue;
                const auto other = first.emplace(std::pair{family, name}, i).first->second;
                join(candidates_[i].group, candidates_[other].group);
            }
        }
    }
    /// A group has the number of its first relay.
    void join(std::size_t a, std::size_t b) {
        const auto [low, high] = std::minmax(a, b);
        for (auto& candidate : candidates_)
            if (candidate.group == high) candidate.group = low;
    }

    std::string second_position(const Candidate& candidate) {
        const auto [first, inserted] = roles_.try_emplace(candidate.group, candidate.relay.role,
                                                          directory::called(candidate.relay));
        const auto& [role, name] = first->second;
        if (role == candidate.relay.role) return {};
        return std::string{"it is a "} +
               (candidate.relay.role == directory::Role::mix ? "mix" : "gateway") + " and " + name +
               " of its operator or family is not; all must have one position";
    }

    /// New mixes count as well, so that their weight does not change when they get their layer.
    void weigh() {
        std::vector<Offer> offers;
        for (auto& candidate : candidates_)
            offers.push_back({&candidate.relay, candidate.announced, candidate.open});
        set_weights(offers);
    }

    std::string must_wait(const Candidate& candidate) {
        if (new_mixes_ == NewMixes::at_once || !candidate.is_new ||
            candidate.relay.role != directory::Role::mix)
            return {};
        built_.roster.push_back(candidate.record);
        return "it is new, and gets its layer in the next epoch";
    }

    void place_mixes(const std::optional<Randomness>& randomness) {
        std::vector<PlacedGroup> groups;
        std::map<std::size_t, std::size_t> place_of;
        for (const auto& candidate : candidates_) {
            const auto& relay = candidate.relay;
            if (relay.role != directory::Role::mix) continue;
            const auto [at, added] = place_of.try_emplace(candidate.group, groups.size());
            if (added)
                groups.push_back(
                    {relay.identity, relay.capacity, candidate.record.since, relay.layer});
            else
                extend(groups[at->second], relay);
        }
        place(groups, randomness);
        for (auto& candidate : candidates_)
            if (candidate.relay.role == directory::Role::mix)
                candidate.relay.layer = groups[place_of.at(candidate.group)].layer;
    }
    /// The first relay of a group, which has been listed longest, gives its record and its layer.
    static void extend(PlacedGroup& group, const directory::Relay& relay) {
        group.id = std::min(group.id, relay.identity);
        group.capacity += relay.capacity;
        if (group.layer == 0) group.layer = relay.layer;
    }

    void fill() {
        auto& document = built_.document;
        document.network = terms_.network;
        document.epoch = epoch_;
        document.parameters = terms_.parameters_of(epoch_);
        document.recommended_versions = terms_.recommended_versions;
        document.optional = terms_.optional_of(epoch_);
        const auto length = terms_.parameters.epoch_length;
        document.valid_from = directory::epoch_start(epoch_, length);
        document.valid_until = document.valid_from + 2 * length;
        std::set<base::NodeId> described;
        for (const auto& record : built_.roster)
            described.insert(record.identity);
        for (auto& candidate : candidates_) {
            const auto& relay = candidate.relay;
            described.insert(relay.identity);
            built_.roster.push_back({relay.identity, candidate.record.since, epoch_, relay.layer});
            document.relays.push_back(std::move(candidate.relay));
        }
        for (const auto& record : roster_)
            if (!described.contains(record.identity) && admitted_.contains(record.identity) &&
                epoch_.value - record.last.value < forgotten_after)
                built_.roster.push_back(record);
        std::sort(built_.roster.begin(), built_.roster.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
        std::sort(built_.left_out.begin(), built_.left_out.end());
        directory::sort(document);
    }

    const Terms& terms_;
    base::Epoch epoch_;
    const Roster& roster_;
    NewMixes new_mixes_;
    std::map<base::NodeId, const Admission*> admitted_;
    std::set<base::NodeId> placed_;  // relays with an open place
    std::vector<Candidate> candidates_;
    std::set<base::NodeId> described_;
    std::map<std::string, std::string> users_;  // of a key or address: who has it
    std::map<std::size_t, std::pair<directory::Role, std::string>> roles_;  // of groups
    Built built_;
};

}  // namespace

directory::OptionalLines with_announcement(directory::OptionalLines configured,
                                           const std::optional<ParameterChange>& change,
                                           base::Epoch epoch) {
    if (!change || epoch >= change->from || change->from.value - epoch.value > announced_epochs)
        return configured;
    configured.push_back(
        directory::to_line({change->from, directory::parameters_hash(change->parameters)}));
    sort(configured);
    return configured;
}

const RelayRecord* find(const Roster& roster, const base::NodeId& relay) {
    const auto found = std::lower_bound(
        roster.begin(), roster.end(), relay,
        [](const RelayRecord& record, const auto& id) { return record.identity < id; });
    return found != roster.end() && found->identity == relay ? &*found : nullptr;
}

std::optional<OpenClaim> claim_of(const directory::Descriptor& descriptor, const Admissions& list,
                                  const Roster& roster) {
    auto claim = claim_of(descriptor, list);
    if (const auto* known = find(roster, descriptor.relay.identity); claim && known != nullptr)
        claim->since = known->since;
    return claim;
}

Built build_document(const Terms& terms, base::Epoch epoch,
                     const std::vector<directory::Descriptor>& descriptors,
                     const std::optional<Randomness>& randomness, const Roster& roster,
                     NewMixes new_mixes) {
    return Builder{terms, epoch, roster, new_mixes}.build(descriptors, randomness);
}

}  // namespace nightjar::relay::authority::core
