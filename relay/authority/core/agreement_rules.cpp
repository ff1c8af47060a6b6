// The rules of algorithm 1 (arXiv 1807.04938); the numbers are its lines.
#include <algorithm>

#include "relay/authority/core/agreement.hpp"

namespace nightjar::relay::authority::core {

/// Lines 11 to 21.
void Agreement::start_round(std::uint32_t round, base::Mono now) {
    propose_due_ = prevote_due_ = precommit_due_ = std::nullopt;
    if (round >= rounds_max) return;  // only a decision of others can end this agreement
    round_ = round;
    step_ = Step::propose;
    own_.clear();
    drop_values();
    propose_due_ = now + lasting(setup_.times.propose);
    if (setup_.council->proposer(epoch_, round_) == setup_.signer->authority()) propose();
}

void Agreement::propose() {
    if (valid_) return say(Kind::proposal, valid_->value, valid_->round);
    auto value = setup_.rules->build();
    if (value.empty() || value.size() > value_size_max) return;
    const auto id = value_id(value);
    keep(std::move(value), false);
    if (usable(id)) say(Kind::proposal, id);
}

void Agreement::advance(base::Mono now) {
    bool more = true;
    while (more && !decided_)
        more = decide() || skip_rounds(now) || remember_valid() || vote_on_proposal() ||
               vote_on_quorum() || await_other_votes(now);
}

/// Line 49.
bool Agreement::decide() {
    const auto* certificate = log_.decision();
    if (certificate == nullptr || !usable(certificate->value)) return false;
    decided_ = *certificate;
    decided_at_ = ++state_;
    propose_due_ = prevote_due_ = precommit_due_ = std::nullopt;
    return true;
}

/// Line 55.
bool Agreement::skip_rounds(base::Mono now) {
    const auto reached = log_.reached_by_one_honest();
    if (reached <= round_) return false;
    start_round(reached, now);
    return true;
}

/// Lines 36, 42 and 43, for this and every earlier round.
bool Agreement::remember_valid() {
    for (auto round = round_ + 1; round-- > (valid_ ? valid_->round + 1 : 0);) {
        const auto* certificate = log_.certified(Kind::prevote, round);
        if (certificate == nullptr || !usable(certificate->value)) continue;
        valid_ = *certificate;
        ++state_;
        return true;
    }
    return false;
}

/// Lines 22 to 33.
bool Agreement::vote_on_proposal() {
    const auto* proposal = log_.proposal(round_);
    if (step_ != Step::propose || proposal == nullptr || !held(proposal->value)) return false;
    bool free = !locked_ || locked_->value == proposal->value;
    if (proposal->valid_round != no_round) {
        const auto* proof = log_.certified(Kind::prevote, proposal->valid_round);
        if (proof == nullptr || proof->value != proposal->value) return false;
        free = free || locked_->round <= proposal->valid_round;
    }
    vote(Kind::prevote, free && usable(proposal->value) ? proposal->value : ValueId{});
    return true;
}

/// Lines 36 to 41, 44 to 46.
bool Agreement::vote_on_quorum() {
    if (step_ != Step::prevote) return false;
    const auto* certificate = log_.certified(Kind::prevote, round_);
    if (certificate != nullptr && usable(certificate->value)) {
        locked_ = Lock{round_, certificate->value};
        vote(Kind::precommit, certificate->value);
        return true;
    }
    if (!log_.quorum_for_nil(Kind::prevote, round_)) return false;
    vote(Kind::precommit, {});
    return true;
}

/// Lines 34, 35, 47 and 48.
bool Agreement::await_other_votes(base::Mono now) {
    const auto due = now + lasting(setup_.times.vote);
    bool set = false;
    if (step_ == Step::prevote && !prevote_due_ && log_.quorum_voted(Kind::prevote, round_)) {
        prevote_due_ = due;
        set = true;
    }
    if (!precommit_due_ && log_.quorum_voted(Kind::precommit, round_)) {
        precommit_due_ = due;
        set = true;
    }
    return set;
}

/// Lines 57 to 67. A time-out is spent once: the next round sets its own.
void Agreement::pass(base::Mono now) {
    const auto over = [now](const std::optional<base::Mono>& due) { return due && now >= *due; };
    if (step_ == Step::propose && over(propose_due_)) vote(Kind::prevote, {});
    if (step_ == Step::prevote && over(prevote_due_)) vote(Kind::precommit, {});
    if (over(precommit_due_)) start_round(round_ + 1, now);
    if (now >= repeat_due_) {
        out_ = repeated();
        repeat_due_ = now + setup_.times.repeat * (decided_ ? repeats_less_once_decided : 1);
    }
    advance(now);
}

std::optional<base::Mono> Agreement::due() const {
    auto first = repeat_due_;
    if (step_ == Step::propose && propose_due_) first = std::min(first, *propose_due_);
    if (step_ == Step::prevote && prevote_due_) first = std::min(first, *prevote_due_);
    if (precommit_due_) first = std::min(first, *precommit_due_);
    return first;
}

}  // namespace nightjar::relay::authority::core
