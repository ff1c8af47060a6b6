"""Mutants of how authorities agree: messages, the log of votes, the rules, what is written first."""
from mutant_list import CORE, mutant

MESSAGE = "relay/authority/core/message.cpp"
LOG = "relay/authority/core/vote_log.cpp"
STATE = "relay/authority/core/saved_state.cpp"
AGREEMENT = "relay/authority/core/agreement.cpp"
RULES = "relay/authority/core/agreement_rules.cpp"
FORM = "agreement message: the form has one encoding, and each rule of it refuses"
QUORUM = "agreement certificate: only a quorum of valid and different votes passes the check"
FIRST = "agreement: no message leaves, and none is counted, before its write is confirmed"
FLOOD = "vote log: a flood of rounds, epochs and values leaves one message for each place"
RESTART = "agreement: after a restart it says the same again, keeps its lock, and votes no more"
DECIDES = "agreement: a quorum of precommits decides, two do not, and the decision is written first"
STATE_FORM = "saved state: the form has one encoding, and what cannot be is refused"

MUTANTS = [
    # --- message ---
    mutant("agreement-signature-for-every-network", MESSAGE, "    text += base::as_text(network.bytes);\n",
           "    static_cast<void>(network);\n", CORE,
           "agreement message: only its author's signature for this network passes the check"),
    mutant("proposal-out-of-turn", MESSAGE, "message.authority != council.proposer(message.epoch, message.round))",
           "message.authority == base::NodeId{})", CORE, "agreement message: a proposal out of turn is refused"),
    mutant("proof-of-a-later-round", MESSAGE, "message.valid_round < message.round;", "true;", CORE, FORM),
    mutant("round-without-a-bound", MESSAGE, "if (message.round >= rounds_max) return false;", "", CORE, FORM),
    mutant("vote-with-a-valid-round", MESSAGE, "return message.valid_round == no_round;", "return true;", CORE, FORM),
    mutant("certificate-of-few", MESSAGE, "if (certificate.voters.size() < council.quorum) return std::nullopt;", "",
           CORE, QUORUM),
    mutant("certificate-counts-one-vote-twice", MESSAGE,
           "if (before != nullptr && !(before->authority < voter.authority)) return std::nullopt;\n        if (",
           "static_cast<void>(before);\n        if (", CORE, QUORUM),
    # --- vote_log ---
    mutant("rounds-ahead-without-a-bound", LOG, "if (message.round > round + rounds_ahead) return;", "", CORE, FLOOD),
    mutant("later-epoch-is-kept", LOG,
           "if (!author || message.epoch != epoch_ || message.round >= rounds_max) return false;",
           "if (!author) return false;", CORE, FLOOD),
    mutant("second-vote-replaces-the-first", LOG, "if (held) return accuse(checked.author(), *held, message);",
           "if (held) accuse(checked.author(), *held, message);", CORE,
           "agreement: a certificate decides what a faulty authority's other vote has hidden"),
    mutant("two-votes-make-a-quorum", LOG,
           "count(message.kind, message.round, message.value) >= council_.quorum)",
           "count(message.kind, message.round, message.value) + 1 >= council_.quorum)", CORE, DECIDES),
    mutant("one-authority-moves-the-others", LOG, "sorted[council_.one_honest() - 1];", "sorted[0];", CORE,
           "agreement: one faulty authority moves it to no round, two authorities do"),
    mutant("equivocation-unseen", LOG, "if (!equivocations_[author]) equivocations_[author]",
           "if (equivocations_[author]) equivocations_[author]", CORE,
           "vote log: two certificates of one round name those that voted twice"),
    # --- saved_state ---
    mutant("saved-message-of-another-round", STATE, "message->epoch != state.epoch || message->round != state.round)",
           "message->epoch != state.epoch)", CORE, STATE_FORM),
    mutant("saved-votes-of-another-kind", STATE, "certificate->kind == kind && certificate->epoch == epoch;",
           "certificate->epoch == epoch && kind != Kind::proposal;", CORE, STATE_FORM),
    # --- what is written first ---
    mutant("message-leaves-before-its-write", AGREEMENT, "    pending_.push_back({++state_, message});\n",
           "    pending_.push_back({++state_, message});\n    out_.emplace_back(message);\n", CORE, FIRST),
    mutant("any-write-releases-all", AGREEMENT, "pending_.front().number <= written_)", "written_ > 0)", CORE,
           "agreement: an older write does not release what waits for a newer one"),
    mutant("value-not-on-the-disk", AGREEMENT, "        write.values.push_back(found->second.bytes);\n", "", CORE,
           FIRST),
    mutant("decision-before-its-write", AGREEMENT, "if (!decided_ || written_ < decided_at_) return std::nullopt;",
           "if (!decided_) return std::nullopt;", CORE, DECIDES),
    mutant("restart-forgets-its-lock", AGREEMENT, "      locked_{saved.locked},\n", "", CORE, RESTART),
    mutant("restart-forgets-what-it-heard", AGREEMENT, "decided_, own_, heard()});", "decided_, own_, {}});", CORE,
           "agreement: after a restart it still shows the others how it came to its round"),
    mutant("restart-forgets-its-step", AGREEMENT, "      step_{saved.step},\n", "", CORE, RESTART),
    mutant("restart-forgets-the-decision", AGREEMENT, "      decided_{saved.decision},\n", "", CORE,
           "agreement: after a restart a decision stands, and is shown to the others"),
    # --- rules ---
    mutant("refused-value-gets-a-vote", RULES, "free && usable(proposal->value) ?", "free ?", CORE,
           "agreement: it prevotes a proposal that the rules allow, and nil for another one"),
    mutant("lock-does-not-bind", RULES, "bool free = !locked_ || locked_->value == proposal->value;",
           "bool free = true;", CORE, "agreement: a locked authority prevotes no other value without a newer proof"),
    mutant("older-proof-unlocks", RULES, "free = free || locked_->round <= proposal->valid_round;", "free = true;", CORE,
           "agreement: a proof of an earlier round than the lock does not unlock"),
    mutant("proof-without-votes", RULES, "if (proof == nullptr || proof->value != proposal->value) return false;",
           "static_cast<void>(proof);", CORE,
           "agreement: a proof of a later round than the lock unlocks, and only with the votes"),
    mutant("precommit-without-a-lock", RULES, "        locked_ = Lock{round_, certificate->value};\n", "", CORE,
           "agreement: a locked authority prevotes no other value without a newer proof"),
    mutant("new-value-in-place-of-the-valid-one", RULES,
           "if (valid_) return say(Kind::proposal, valid_->value, valid_->round);", "", CORE,
           "agreement: whose turn it is proposes the newest value that had a quorum, with the round"),
    mutant("waits-do-not-grow", "relay/authority/core/agreement.hpp", "return time * (round_ + 1); }", "return time; }",
           CORE, "agreement: rounds wait longer and longer"),
    mutant("time-out-skips-the-prevote", RULES,
           "if (step_ == Step::propose && over(propose_due_)) vote(Kind::prevote, {});",
           "if (step_ == Step::propose && over(propose_due_)) vote(Kind::precommit, {});", CORE,
           "agreement: without a proposal or its value it prevotes nil when the time is over"),
]
