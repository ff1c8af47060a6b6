// The rules by which an epoch's value is valid and its document follows (docs/directory.md, "What
// is built").
//
// Values form a chain. Each names the one before it, reveals what that one committed to, and
// commits for the next. A value has no document if only its new mixes, which wait for their layers,
// would make one that may be signed. So it is with a network's first value.
//
// A proposer can invent nothing. It can leave out nothing either that the others have had long
// enough for it to have it too: they insist on that, for as long as there is time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "relay/authority/core/agreement.hpp"
#include "relay/authority/core/chain.hpp"
#include "relay/authority/core/epoch_value.hpp"

namespace nightjar::relay::authority::core {

/// A descriptor that was read: to check its signature and proofs takes a third of a millisecond,
/// and it comes from each other authority, and in each value.
struct ReadDescriptor {
    std::string text;
    directory::Descriptor descriptor;
};
using SharedDescriptor = std::shared_ptr<const ReadDescriptor>;
/// Reads it, or says why it is not valid.
base::Result<SharedDescriptor, std::string> read_descriptor(std::string_view text);
/// The relay that the text names. Nothing is checked.
std::optional<base::NodeId> named_relay(std::string_view descriptor);

struct EpochOutcome {
    std::optional<directory::Document> document;  // nullopt: its new mixes are missing
    std::vector<std::string> left_out;            // relays, a sentence each
    std::vector<base::NodeId> missing_reveals;
    std::vector<base::NodeId> described;  // the relays of its descriptors, sorted
    Admissions admitted;
    std::vector<OpenClaim> open;  // of relays that are described and not admitted
    Chain next;
};

class DocumentRules final : public Rules {
 public:
    /// `council` and `terms` must outlive it. An authority that has not yet learned the last
    /// decided value takes a newer object when it has: until then it refuses what others allow.
    DocumentRules(const Council& council, const Terms& terms, base::Epoch epoch, Chain before);

    /// What this authority proposes from. The newest of each relay and authority is kept. The
    /// answer is the reason for a refusal; empty: it is kept. A proposal leaves out the descriptors
    /// of relays that its lists do not admit.
    std::string offer_descriptor(std::string_view text);
    /// Precondition: it is of this epoch.
    void offer_descriptor(SharedDescriptor descriptor);
    /// The relay has named two prefixes for this epoch. Other authorities may have got the other
    /// one first, so this authority does not insist on the relay's place.
    void doubt(const base::NodeId& relay);
    bool offer(const Listing& listing, const Admissions& list);
    bool offer(const Reveal& reveal);
    bool offer(const Commitment& commitment);

    /// From now on a value is valid only with what was offered until now. Call it when all others
    /// have had the time to get that from this authority. Of relays with open places it must have
    /// those of the roster that keep theirs. Who gets a free place is the proposer's choice:
    /// strangers could fill them at each authority with other relays.
    void insist();
    /// No longer. Call it when the agreement has taken so long that messages must have been lost:
    /// an authority must not stop the others for ever.
    void relent();

    base::Bytes build() override;
    /// Why the last build() had no proposal; empty: it had one.
    const std::string& fault() const { return fault_; }
    bool valid(base::ByteView value) override;
    /// What follows from a value, or why it must not be decided.
    base::Result<EpochOutcome, std::string> outcome(base::ByteView value) const;
    /// What follows from a value that a quorum has decided, for one that did not take part: a rule
    /// that has changed since cannot undo it. It has no document if this authority would not sign.
    base::Result<EpochOutcome, std::string> outcome_of_decided(base::ByteView value) const;

 private:
    std::string chain_fault(const EpochValue& value) const;
    base::Result<EpochOutcome, std::string> follow(base::ByteView value, bool decided) const;
    Admissions admitted_by(const EpochValue& value) const;
    std::string read_descriptors(const std::vector<std::string>& texts,
                                 std::vector<directory::Descriptor>& read) const;
    bool lacks_open(const EpochOutcome& outcome) const;

    const Council& council_;
    const Terms& terms_;
    base::Epoch epoch_;
    Chain before_;
    struct Offered {
        SharedDescriptor read;
        std::optional<OpenClaim> claim;  // if it is not admitted
    };
    std::map<base::NodeId, Offered> descriptors_;
    std::map<base::NodeId, Reveal> reveals_;
    std::map<base::NodeId, Commitment> commitments_;
    std::map<base::NodeId, std::pair<Listing, Admissions>> listings_;
    std::string fault_;
    std::set<base::NodeId> doubted_;
    std::vector<base::NodeId> wanted_relays_;
    std::vector<OpenClaim> wanted_open_;
    std::vector<base::NodeId> wanted_reveals_;
};

}  // namespace nightjar::relay::authority::core
