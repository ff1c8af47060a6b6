// One authority's part in all agreements: when each begins, what the other authorities' answers
// mean, what must be on the disk before anything is said, and how one that was away catches up.
// docs/directory.md, "Over the wire".
//
// An authority asks each of the others again and again: bundle() is what it answers. So an
// authority takes from another one only what it has asked for, in bounded pieces.
//
// Pure: the owner brings time, answers and a disk. One thread. What throws is the disk: call pass()
// again later.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "relay/authority/core/agreement.hpp"
#include "relay/authority/core/bundle.hpp"
#include "relay/authority/core/disk.hpp"
#include "relay/authority/core/document_signatures.hpp"
#include "relay/authority/core/offers.hpp"

namespace nightjar::relay::authority::core {

struct Moment {
    base::Wall wall;
    base::Mono mono;
};

struct DriverTimes {
    base::Milliseconds begin;   // an agreement begins this long before its epoch
    base::Milliseconds spread;  // in this time what one authority has reaches all others
    base::Milliseconds settle;  // a new network begins when no relay has come for this long
    base::Milliseconds relent;  // after an agreement's begin: it insists on nothing any more
    base::Milliseconds last;    // this long before its epoch: it waits no longer for the one before
                                // if that has not begun
    AgreementTimes agreement;

    static DriverTimes of(base::Seconds epoch_length);
};

/// All outlive the driver. `terms` without its admitted relays.
struct DriverSetup {
    const Council* council;
    const Signer* signer;
    const base::Secret<32>* seed;  // the signer's
    const Terms* terms;
    Disk* disk;
};

/// An authority that was away for longer must copy the folder of another one.
inline constexpr std::uint32_t values_kept = 200;

class Driver {
 public:
    /// Goes on with what is on the disk.
    Driver(const DriverSetup& setup, Moment now);
    ~Driver();

    /// This authority's own list. Each epoch whose agreement has not begun gets it; the first time
    /// each epoch does. Before that it states no list.
    void admit(Admissions own, Moment now);
    /// From a relay, or from another authority. `refused`: it counts only if its relay is admitted.
    enum class Strangers { taken, refused };
    Offers::Taken offer_descriptor(std::string_view text, Moment now,
                                   Strangers strangers = Strangers::taken);
    /// Call it several times a second.
    void pass(Moment now);

    // What another authority has answered. Of one authority's listings of an epoch the first in a
    // bundle counts; so do its commitments and signatures.
    void receive(const Bundle& bundle, Moment now);
    bool wants_descriptors(const DescriptorsHash& its) const;
    void receive_descriptors(const DescriptorsHash& its, const Bundle& bundle, Moment now);
    /// Values and lists that this authority needs, by their hashes.
    std::set<ValueId> missing() const;
    /// Ignored unless it is missing.
    void receive_object(base::ByteView bytes, Moment now);

    // What this authority answers.
    Bundle bundle() const;
    Bundle descriptors(base::Epoch epoch) const;
    /// The relays that descriptors() is of.
    std::set<base::NodeId> described(base::Epoch epoch) const;
    std::optional<base::Bytes> object(const ValueId& id) const;

    /// An agreement runs, or a document has too few signatures: the others should be asked often.
    bool busy() const;
    bool decided(base::Epoch epoch) const;
    /// Documents that a quorum has signed, each once.
    std::vector<directory::Document> take_documents() { return std::exchange(finished_, {}); }
    /// An epoch for which another authority seems to have signed another text, and what this one
    /// has signed for it. The newest such epoch; none that has a document already.
    std::optional<std::pair<base::Epoch, std::string>> outvoted() const;
    /// The relays that the document of this epoch, or of the next one, leaves out: a sentence each.
    /// Empty for one that was decided before a restart.
    std::vector<std::string> left_out(base::Epoch epoch) const;
    /// Sentences for the operator.
    std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
    class EpochRules;
    struct Running {
        std::unique_ptr<EpochRules> rules;
        std::unique_ptr<Agreement> agreement;  // nullptr: it has not begun
        std::optional<Write> unwritten;
        base::Mono begun;
        std::string fault;  // the last one that was noted
    };
    struct Signing {
        DocumentSignatures signatures;
        bool finished = false;
    };

    // driver.cpp
    base::Seconds length() const { return setup_.terms->parameters.epoch_length; }
    void list(base::Epoch epoch, base::Wall now);
    void prepare(base::Epoch epoch, base::Wall now);
    void consider(base::Epoch epoch, Moment now);
    bool may_begin(base::Epoch epoch, Moment now);
    Running& run(base::Epoch epoch);
    void pump(base::Epoch epoch, Moment now);
    void take(const Message& message, Moment now);
    void take(const Certificate& certificate, Moment now);
    void take(const SentCommitment& sent, Moment now);
    void take(const SentReveal& sent, Moment now);
    void take(const SentListing& sent, Moment now);
    void take(const SentSignature& sent, Moment now);
    void take(const DescriptorsHash&, Moment) {}
    void take(const SentDescriptor& sent, Moment now);
    void note(std::string sentence);

    // driver_chain.cpp
    void restore(Moment now);
    void restore_file(const std::string& kind, base::Epoch epoch, const base::Bytes& content,
                      Moment now);
    void restore_agreement(base::Epoch epoch, const base::Bytes& content, Moment now);
    void forget(base::Epoch current);
    const Chain& before(base::Epoch epoch) const;
    void claim(const Certificate& certificate);
    std::set<ValueId> missing_of_chain() const;
    void follow_claims();
    bool follow(const Certificate& certificate);
    bool adopt(const ValueId& id, const Certificate& claim);
    void sign(const directory::Document& document);
    void finish(Signing& signing);
    std::optional<base::Bytes> value(const ValueId& id) const;

    DriverSetup setup_;
    DriverTimes times_;
    base::Epoch current_;
    std::optional<base::Epoch> forgotten_;  // all before it is removed
    std::optional<Admissions> own_;         // nullopt: not known yet, so nothing is stated
    std::uint64_t listed_ = 0;              // when the newest own listing was made
    std::map<base::Epoch, Offers> offers_;
    std::map<base::Epoch, base::Wall> last_change_;                  // a new descriptor came
    std::map<base::Epoch, std::map<base::NodeId, Reveal>> reveals_;  // by the commitments' epoch
    std::map<base::Epoch, Running> running_;
    std::set<base::Epoch> barred_;  // what was said there is not known any more

    std::map<base::Epoch, Chain> chains_;           // the last ones
    std::map<ValueId, base::Epoch> values_;         // on the disk
    std::map<base::Epoch, Certificate> decisions_;  // shown to others
    std::map<base::Epoch, Certificate> claims_;     // decided by others, not followed yet
    std::set<base::Epoch> refused_;                 // claims that cannot be followed
    std::vector<ValueId> path_;                     // from a claim's value back to a known one
    std::map<base::Epoch, Signing> signing_;
    std::map<base::Epoch, std::vector<std::string>> left_out_;
    std::vector<directory::Document> finished_;
    std::vector<std::string> notes_;
};

}  // namespace nightjar::relay::authority::core
