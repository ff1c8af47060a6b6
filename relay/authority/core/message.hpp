// What authorities send each other to agree on an epoch's document (docs/directory.md,
// "Agreement"): signed messages, and certificates that put a quorum of votes together. Every
// encoding is canonical: encode(parse(b)) == b.
//
// A message names a value by its hash. The value itself travels apart, so a message has one length
// and all messages of an agreement fit in little memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/authority/core/council.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::relay::authority::core {

/// BLAKE2b-256 of what is proposed. All zeros: no value ("nil").
using ValueId = base::Id<struct ValueIdTag, 32>;
ValueId value_id(base::ByteView value);
/// A document and the descriptors that it is made of.
inline constexpr std::size_t value_size_max = 4 * 1024 * 1024;

/// Rounds are 0 to rounds_max - 1. Time-outs grow with each, so no agreement comes near.
inline constexpr std::uint32_t rounds_max = 128;
inline constexpr std::uint32_t no_round = UINT32_MAX;

enum class Kind : std::uint8_t { proposal = 1, prevote = 2, precommit = 3 };

struct Message {
    Kind kind = Kind::proposal;
    base::Epoch epoch;
    std::uint32_t round = 0;
    /// Of a proposal that was proposed before: the round, below `round`, in which a quorum prevoted
    /// it. Otherwise, and in votes, no_round.
    std::uint32_t valid_round = no_round;
    ValueId value;  // never nil in a proposal
    base::NodeId authority;
    base::ByteArray<64> signature{};
    bool operator==(const Message&) const = default;
};

inline constexpr std::size_t message_size = 1 + 3 * 4 + 3 * 32 + 32;
base::Bytes encode(const Message& message);
/// Checks the form, not the signature.
std::optional<Message> parse_message(base::ByteView bytes);

/// One authority's signature on a vote that the certificate states once for all.
struct Voter {
    base::NodeId authority;
    base::ByteArray<64> signature{};
    bool operator==(const Voter&) const = default;
};

/// A quorum of equal votes. It shows them to an authority that received other votes of a faulty
/// one.
struct Certificate {
    Kind kind = Kind::prevote;  // or precommit
    base::Epoch epoch;
    std::uint32_t round = 0;
    ValueId value;              // never nil
    std::vector<Voter> voters;  // sorted by authority, without duplicates, 1 to authorities_max
    bool operator==(const Certificate&) const = default;

    /// The vote of one of them.
    Message vote(const Voter& voter) const;
};

inline constexpr std::size_t certificate_size_max = 2 + 2 * 4 + 32 + authorities_max * 96;
base::Bytes encode(const Certificate& certificate);
/// Checks the form, not the signatures.
std::optional<Certificate> parse_certificate(base::ByteView bytes);

/// An authority's own key. One object per process; it must outlive its agreements.
class Signer {
 public:
    Signer(const Council& council, base::Secret<32> seed);

    const base::NodeId& authority() const { return authority_; }
    /// Fills in authority and signature.
    Message sign(Message message) const;

 private:
    base::NetworkId network_;
    base::Secret<32> seed_;
    base::NodeId authority_;
};

/// A message whose author is in the council and has signed it, for this network.
class CheckedMessage {
 public:
    static std::optional<CheckedMessage> check(const Message& message, const Council& council);
    const Message& operator*() const { return message_; }
    const Message* operator->() const { return &message_; }
    std::size_t author() const { return author_; }  // index in the council

 private:
    CheckedMessage(const Message& message, std::size_t author)
        : message_{message}, author_{author} {}
    Message message_;
    std::size_t author_;
};

/// A certificate of a quorum of the council, with valid signatures only.
class CheckedCertificate {
 public:
    static std::optional<CheckedCertificate> check(const Certificate& certificate,
                                                   const Council& council);
    const Certificate& operator*() const { return certificate_; }
    const Certificate* operator->() const { return &certificate_; }

 private:
    explicit CheckedCertificate(const Certificate& certificate) : certificate_{certificate} {}
    Certificate certificate_;
};

}  // namespace nightjar::relay::authority::core
