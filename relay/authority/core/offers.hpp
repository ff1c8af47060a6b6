// What an authority has for one epoch's value: relays' descriptors, and the authorities'
// commitments and lists. All of it is signed, so it counts whichever peer sent it. Bounded: one
// descriptor for each admitted relay, one commitment and one listing for each authority. Where
// admission is open: for each open place one descriptor of a relay of the roster and one of a
// relay that is new.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "relay/authority/core/bundle.hpp"
#include "relay/authority/core/document_rules.hpp"

namespace nightjar::relay::authority::core {

class Offers {
 public:
    /// `council` must outlive it.
    Offers(const Council& council, base::Epoch epoch, const OpenBounds& open = {})
        : council_{council}, epoch_{epoch}, open_{open} {}

    /// True if it was new.
    bool add(const Commitment& commitment);
    bool add(const Listing& listing);
    /// Ignored unless a listing names it, and it has the form.
    bool add_list(base::ByteView list);
    /// Why the descriptor does not count; empty: it does. `fresh`: it was not here before. A relay
    /// that is admitted no longer keeps its place: the lists come one by one, and may admit it
    /// again. Of one that is not admitted the first descriptor counts: each new one makes the
    /// others ask for all of them. `in_two_prefixes`: the relay is not admitted, and this one names
    /// another prefix than the first. `roster`: as far as this authority knows it.
    struct Taken {
        std::string reason;
        bool fresh = false;
        bool in_two_prefixes = false;
    };
    Taken add_descriptor(std::string_view text, const Roster& roster = {});
    Taken add_descriptor(SharedDescriptor descriptor, const Roster& roster);
    /// The same text is here, and counts.
    bool holds(std::string_view descriptor) const;

    /// The lists that listings name and that are not here.
    std::set<ValueId> missing() const;
    /// The encoded list; nullptr: it is not here.
    std::shared_ptr<const base::Bytes> list(const ValueId& id) const;
    /// By the lists that are here.
    const Admissions& admitted() const { return admitted_; }
    bool admits(const base::NodeId& relay) const;

    /// Enough of the authorities' statements for a value, and some relay.
    bool enough() const;
    /// Every admitted relay has a descriptor.
    bool complete() const;

    /// Of all descriptors.
    ValueId descriptors_hash() const;
    /// True if another authority's descriptors, by their hash, may hold something new: they have
    /// not been seen lately, or not since the admitted relays changed.
    bool unseen(const ValueId& hash) const;
    void saw(const ValueId& hash);

    /// For the others: statements only, or descriptors only.
    void put_statements(Bundle& bundle) const;
    Bundle descriptors() const;
    std::set<base::NodeId> described() const;
    void offer_to(DocumentRules& rules) const;
    /// The lists alone.
    void offer_lists_to(DocumentRules& rules) const;

 private:
    struct List {
        std::shared_ptr<const base::Bytes> bytes;
        Admissions admissions;
    };
    void count_lists();
    bool counts(const base::NodeId& relay) const;
    std::string open_fault(const directory::Relay& relay, const Roster& roster) const;

    const Council& council_;
    base::Epoch epoch_;
    OpenBounds open_;
    std::map<base::NodeId, Commitment> commitments_;
    std::map<base::NodeId, Listing> listings_;
    std::map<ValueId, List> lists_;
    Admissions admitted_;
    std::map<base::NodeId, SharedDescriptor> descriptors_;
    std::set<base::NodeId> in_two_prefixes_;  // of those that have a descriptor here
    std::set<ValueId> seen_;
};

/// What descriptors_hash() of the authority was that answered with these.
ValueId descriptors_hash(const Bundle& descriptors);

}  // namespace nightjar::relay::authority::core
