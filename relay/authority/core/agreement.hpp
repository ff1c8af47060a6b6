// One authority's part in agreeing on one epoch's document: single-decree Tendermint (Buchman, Kwon
// and Milosevic, "The latest gossip on BFT consensus", arXiv 1807.04938, algorithm 1).
// docs/directory.md, "Agreement", gives the argument for safety and liveness.
//
// Pure: messages and times go in, messages, writes and a decision come out.
//
//   receive*(), pass() → take_write() → the caller makes it durable → written() → take_messages()
//
// No message leaves before what it follows from is on the disk: a message of one's own lies inside
// until written() confirms its write, and is not even counted before. So an authority that crashes
// and goes on from its last confirmed write signs nothing twice.
//
// Differences from the paper. A quorum of equal votes travels as a certificate, so that a faulty
// authority's other vote cannot hide it. A certificate of an earlier round, too, makes its value
// the one to propose. A decision needs no proposal beside the precommits of a quorum. An authority
// moves up to the highest round that one honest authority has reached, not only to a round in which
// it holds f + 1 messages.
//
// One thread. Time is monotonic.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "relay/authority/core/saved_state.hpp"
#include "relay/authority/core/vote_log.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::authority::core {

/// What may be decided. An authority may refuse for a time what others allow; it is asked again in
/// each round. In the end all honest ones must allow what an honest one has built. Nothing that
/// honest ones refuse for ever is decided.
class Rules {
 public:
    virtual ~Rules() = default;
    /// This authority's own proposal, at most value_size_max bytes; empty if it has none.
    virtual base::Bytes build() = 0;
    virtual bool valid(base::ByteView value) = 0;
};

/// Round r waits (r + 1) times as long.
struct AgreementTimes {
    base::Nanoseconds propose = base::Seconds{5};  // for a proposal and its value
    base::Nanoseconds vote = base::Seconds{2};     // for the other votes, once a quorum has voted
    base::Nanoseconds repeat = base::Seconds{2};   // between two repetitions of what is held
};

/// Once it has decided, an authority only shows the decision to those that came late.
inline constexpr int repeats_less_once_decided = 10;

/// All outlive the agreement.
struct AgreementSetup {
    const Council* council;
    const Signer* signer;
    Rules* rules;
    AgreementTimes times;
};

/// To be made durable as a whole, the values first; writes are made in the order in which they were
/// taken. The last state alone, and all values so far, are what a restart needs.
struct Write {
    std::uint64_t number = 0;
    base::Bytes state;
    std::vector<std::shared_ptr<const base::Bytes>> values;  // those that no earlier write had
};

/// For every other authority.
using Outgoing = std::variant<Message, Certificate>;

class Agreement {
 public:
    /// Precondition: the signer's authority is in the council. An epoch's agreement begins anew
    /// only if nothing of it was ever written.
    Agreement(const AgreementSetup& setup, base::Epoch epoch, base::Mono now);
    /// Goes on after a restart, from the last write. Precondition: this authority made it.
    Agreement(const AgreementSetup& setup, const SavedState& saved,
              const std::vector<base::Bytes>& values, base::Mono now);

    /// False for what receive() would ignore: ask before the signatures are checked.
    bool wants(const Message& message) const;
    bool wants(const Certificate& certificate) const;
    void receive(const CheckedMessage& message, base::Mono now);
    void receive(const CheckedCertificate& certificate, base::Mono now);

    /// The values to fetch from any other authority, at most three.
    std::set<ValueId> missing() const;
    /// Ignored unless it is missing. Precondition: at most value_size_max bytes.
    void receive_value(base::Bytes value, base::Mono now);
    /// A value that others may fetch; nullptr if it is not held. At most five are.
    std::shared_ptr<const base::Bytes> value(const ValueId& id) const;

    /// Call it when due() has come. nullopt: nothing is due.
    void pass(base::Mono now);
    std::optional<base::Mono> due() const;

    /// What must be written next; nullopt: nothing new.
    std::optional<Write> take_write();
    /// The write of this number, and all before it, are durable.
    void written(std::uint64_t number, base::Mono now);
    std::vector<Outgoing> take_messages();
    /// All that the others may need now, as it is repeated. It may take the place of
    /// take_messages() where they ask for it again and again.
    std::vector<Outgoing> repeated() const;

    /// The decided value, once the decision is durable. Then value() has it, for good.
    std::optional<ValueId> decision() const;
    /// Precondition: decision() has a value.
    const Certificate& proof() const { return *decided_; }
    std::vector<Equivocation> equivocations() const { return log_.equivocations(); }
    std::uint32_t round() const { return round_; }
    base::Epoch epoch() const { return epoch_; }

 private:
    struct Held {
        std::shared_ptr<const base::Bytes> bytes;  // nullptr: it was refused
        bool written = false;
    };

    void start_round(std::uint32_t round, base::Mono now);
    void propose();
    void say(Kind kind, const ValueId& value, std::uint32_t valid_round = no_round);
    void vote(Kind kind, const ValueId& value);
    void keep(base::Bytes value, bool written);
    void drop_values();
    std::set<ValueId> in_use() const;
    bool held(const ValueId& id) const { return values_.contains(id); }
    bool usable(const ValueId& id) const;
    base::Nanoseconds lasting(base::Nanoseconds time) const { return time * (round_ + 1); }

    /// Applies the rules until none does anything.
    void advance(base::Mono now);
    bool decide();
    bool skip_rounds(base::Mono now);
    bool remember_valid();
    bool vote_on_proposal();
    bool vote_on_quorum();
    bool await_other_votes(base::Mono now);
    std::vector<Message> heard() const;

    AgreementSetup setup_;
    base::Epoch epoch_;
    VoteLog log_;
    std::map<ValueId, Held> values_;

    std::uint32_t round_ = 0;
    Step step_ = Step::propose;
    std::optional<Lock> locked_;
    std::optional<Certificate> valid_;
    std::optional<Certificate> decided_;
    std::vector<Message> own_;  // of this round

    std::optional<base::Mono> propose_due_;
    std::optional<base::Mono> prevote_due_;
    std::optional<base::Mono> precommit_due_;
    base::Mono repeat_due_;

    struct Pending {
        std::uint64_t number;  // of the write that it waits for
        Message message;
    };
    std::uint64_t state_ = 0;  // counts the changes of what a restart needs
    std::uint64_t taken_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t decided_at_ = 0;
    std::deque<Pending> pending_;
    std::vector<Outgoing> out_;
};

}  // namespace nightjar::relay::authority::core
