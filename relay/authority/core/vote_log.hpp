// The messages that one authority holds of one agreement. Bounded: one message for each authority,
// kind and round, in rounds up to a few ahead of its own, and one proof of equivocation for each
// authority.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "relay/authority/core/message.hpp"

namespace nightjar::relay::authority::core {

/// Of later rounds only the number is kept. Messages are repeated, so what is dropped comes again.
inline constexpr std::uint32_t rounds_ahead = 4;

/// Two different messages of one authority, of one kind and for one round: no honest authority
/// signs both.
struct Equivocation {
    Message first;
    Message second;
};

class VoteLog {
 public:
    /// `council` must outlive it.
    VoteLog(const Council& council, base::Epoch epoch);

    /// False for what add() would ignore: so a repeated message costs no check of its signature.
    /// `round` is the authority's own.
    bool wants(const Message& message, std::uint32_t round) const;
    bool wants(const Certificate& certificate) const;
    void add(const CheckedMessage& message, std::uint32_t round);
    void add(const CheckedCertificate& certificate);

    /// nullptr: none is held.
    const Message* proposal(std::uint32_t round) const;
    /// A quorum of equal votes for a value, counted here or received as a certificate.
    const Certificate* certified(Kind kind, std::uint32_t round) const;
    /// The precommits of a quorum, in any round: the decision.
    const Certificate* decision() const;
    bool quorum_for_nil(Kind kind, std::uint32_t round) const;
    /// A quorum has voted in this round, for whatever values.
    bool quorum_voted(Kind kind, std::uint32_t round) const;
    /// The highest round that some honest authority has reached.
    std::uint32_t reached_by_one_honest() const;

    /// All messages held of a round, at most 2 n + 1.
    std::vector<Message> messages(std::uint32_t round) const;
    /// At most one for each authority.
    std::vector<Equivocation> equivocations() const;

 private:
    struct Round {
        std::optional<Message> proposal;
        std::array<std::vector<std::optional<Message>>, 2>
            votes;  // prevotes, precommits; by author
        std::array<std::optional<Certificate>, 2> certified;
    };
    static std::size_t place(Kind kind) { return kind == Kind::prevote ? 0 : 1; }
    const Round* find(std::uint32_t round) const;
    Round& at(std::uint32_t round);
    const std::optional<Message>* slot(const Message& message, std::size_t author) const;
    std::size_t count(Kind kind, std::uint32_t round, const ValueId& value) const;
    void reach(std::size_t author, std::uint32_t round);
    void accuse(std::size_t author, const Message& first, const Message& second);
    void certify(Kind kind, std::uint32_t round, const ValueId& value);

    const Council& council_;
    base::Epoch epoch_;
    std::map<std::uint32_t, Round> rounds_;
    std::vector<std::uint32_t> reached_;  // by author: its highest round and 1; 0: never heard
    std::vector<std::optional<Equivocation>> equivocations_;  // by author
};

}  // namespace nightjar::relay::authority::core
