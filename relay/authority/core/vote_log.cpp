#include "relay/authority/core/vote_log.hpp"

#include <algorithm>
#include <functional>

namespace nightjar::relay::authority::core {

VoteLog::VoteLog(const Council& council, base::Epoch epoch)
    : council_{council}, epoch_{epoch}, reached_(council.size()), equivocations_(council.size()) {}

const VoteLog::Round* VoteLog::find(std::uint32_t round) const {
    const auto found = rounds_.find(round);
    return found == rounds_.end() ? nullptr : &found->second;
}

VoteLog::Round& VoteLog::at(std::uint32_t round) {
    auto& made = rounds_[round];
    for (auto& votes : made.votes)
        votes.resize(council_.size());
    return made;
}

/// Where a message of this author, kind and round is kept; nullptr if the round has none yet.
const std::optional<Message>* VoteLog::slot(const Message& message, std::size_t author) const {
    const auto* round = find(message.round);
    if (round == nullptr) return nullptr;
    if (message.kind == Kind::proposal) return &round->proposal;
    return &round->votes[place(message.kind)][author];
}

bool VoteLog::wants(const Message& message, std::uint32_t round) const {
    const auto author = council_.index_of(message.authority);
    if (!author || message.epoch != epoch_ || message.round >= rounds_max) return false;
    if (message.round > round + rounds_ahead) return message.round >= reached_[*author];
    const auto* held = slot(message, *author);
    if (held == nullptr || !held->has_value()) return true;
    return **held != message && !equivocations_[*author];
}

bool VoteLog::wants(const Certificate& certificate) const {
    if (certificate.epoch != epoch_ || certificate.round >= rounds_max) return false;
    const auto* held = certified(certificate.kind, certificate.round);
    return held == nullptr || held->value != certificate.value;
}

void VoteLog::add(const CheckedMessage& checked, std::uint32_t round) {
    const auto& message = *checked;
    if (!wants(message, round)) return;
    reach(checked.author(), message.round);
    if (message.round > round + rounds_ahead) return;
    auto& in = at(message.round);
    auto& held = message.kind == Kind::proposal ? in.proposal
                                                : in.votes[place(message.kind)][checked.author()];
    if (held) return accuse(checked.author(), *held, message);
    held = message;
    if (message.kind == Kind::proposal || message.value.is_zero()) return;
    if (!certified(message.kind, message.round) &&
        count(message.kind, message.round, message.value) >= council_.quorum)
        certify(message.kind, message.round, message.value);
}

void VoteLog::add(const CheckedCertificate& checked) {
    const auto& certificate = *checked;
    if (!wants(certificate)) return;
    auto& held = at(certificate.round).certified[place(certificate.kind)];
    // Two of one round show that too many authorities are faulty, and which ones.
    for (const auto& voter : certificate.voters) {
        const auto author = council_.index_of(voter.authority);
        reach(*author, certificate.round);
        if (!held) continue;
        for (const auto& other : held->voters)
            if (other.authority == voter.authority)
                accuse(*author, held->vote(other), certificate.vote(voter));
    }
    if (!held) held = certificate;
}

const Message* VoteLog::proposal(std::uint32_t round) const {
    const auto* found = find(round);
    return found != nullptr && found->proposal ? &*found->proposal : nullptr;
}

const Certificate* VoteLog::certified(Kind kind, std::uint32_t round) const {
    const auto* found = find(round);
    if (found == nullptr || !found->certified[place(kind)]) return nullptr;
    return &*found->certified[place(kind)];
}

const Certificate* VoteLog::decision() const {
    for (const auto& [number, round] : rounds_)
        if (round.certified[place(Kind::precommit)])
            return &*round.certified[place(Kind::precommit)];
    return nullptr;
}

std::size_t VoteLog::count(Kind kind, std::uint32_t round, const ValueId& value) const {
    const auto* found = find(round);
    if (found == nullptr) return 0;
    const auto& votes = found->votes[place(kind)];
    return static_cast<std::size_t>(
        std::count_if(votes.begin(), votes.end(),
                      [&value](const auto& vote) { return vote && vote->value == value; }));
}

bool VoteLog::quorum_for_nil(Kind kind, std::uint32_t round) const {
    return count(kind, round, {}) >= council_.quorum;
}

bool VoteLog::quorum_voted(Kind kind, std::uint32_t round) const {
    const auto* found = find(round);
    if (found == nullptr) return false;
    if (found->certified[place(kind)]) return true;
    const auto& votes = found->votes[place(kind)];
    return static_cast<std::size_t>(std::count_if(votes.begin(), votes.end(), [](const auto& vote) {
               return vote.has_value();
           })) >= council_.quorum;
}

std::uint32_t VoteLog::reached_by_one_honest() const {
    auto sorted = reached_;
    std::sort(sorted.begin(), sorted.end(), std::greater<>{});
    const auto reached = sorted[council_.one_honest() - 1];
    return reached == 0 ? 0 : reached - 1;
}

std::vector<Message> VoteLog::messages(std::uint32_t round) const {
    std::vector<Message> all;
    const auto* found = find(round);
    if (found == nullptr) return all;
    if (found->proposal) all.push_back(*found->proposal);
    for (const auto& votes : found->votes)
        for (const auto& vote : votes)
            if (vote) all.push_back(*vote);
    return all;
}

std::vector<Equivocation> VoteLog::equivocations() const {
    std::vector<Equivocation> all;
    for (const auto& pair : equivocations_)
        if (pair) all.push_back(*pair);
    return all;
}

void VoteLog::reach(std::size_t author, std::uint32_t round) {
    reached_[author] = std::max(reached_[author], round + 1);
}

void VoteLog::accuse(std::size_t author, const Message& first, const Message& second) {
    if (!equivocations_[author]) equivocations_[author] = Equivocation{first, second};
}

void VoteLog::certify(Kind kind, std::uint32_t round, const ValueId& value) {
    auto& in = at(round);
    Certificate made{kind, epoch_, round, value, {}};
    for (const auto& vote : in.votes[place(kind)])
        if (vote && vote->value == value) made.voters.push_back({vote->authority, vote->signature});
    in.certified[place(kind)] = std::move(made);
}

}  // namespace nightjar::relay::authority::core
