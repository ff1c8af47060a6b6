#include "relay/authority/core/message.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/council.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

ValueId some_value(std::uint8_t fill) {
    ValueId id;
    id.bytes.fill(fill);
    return id;
}

Message vote(const Signer& signer, Kind kind, std::uint32_t round, const ValueId& value) {
    return signer.sign({kind, {7}, round, no_round, value, {}, {}});
}

Certificate certificate_of(const test::TestCouncil& made, std::size_t voters) {
    Certificate certificate{Kind::prevote, {7}, 1, some_value(5), {}};
    for (std::size_t i = 0; i < voters; ++i) {
        const auto signed_vote = vote(*made.signers[i], Kind::prevote, 1, some_value(5));
        certificate.voters.push_back({signed_vote.authority, signed_vote.signature});
    }
    return certificate;
}

bool parses(const Message& message) {
    const auto parsed = parse_message(encode(message));
    if (parsed) CHECK(*parsed == message);
    return parsed.has_value();
}
bool parses(const Certificate& certificate) {
    const auto parsed = parse_certificate(encode(certificate));
    if (parsed) CHECK(*parsed == certificate);
    return parsed.has_value();
}

}  // namespace

TEST_CASE("council: a quorum is more than two thirds, and any two share an honest authority") {
    const std::size_t quorums[] = {1, 2, 3, 3, 4, 5, 5, 6, 7, 7};
    for (std::size_t n = 1; n <= 10; ++n) {
        const auto council = test::make_council(n, n).council;
        CAPTURE(n);
        CHECK(council.quorum == quorums[n - 1]);
        const auto faulty = council.size() - council.quorum;
        CHECK(2 * council.quorum > n + faulty);
        CHECK(council.one_honest() == faulty + 1);
    }
}

TEST_CASE("council: authorities propose in turn, and another one begins in each epoch") {
    const auto council = test::make_council(4, 1).council;
    std::set<base::NodeId> proposers;
    for (std::uint32_t round = 0; round < 4; ++round)
        proposers.insert(council.proposer({9}, round));
    CHECK(proposers.size() == 4);
    CHECK(council.proposer({9}, 1) == council.proposer({10}, 0));
    CHECK(council.proposer({UINT32_MAX}, 5) == council.authorities[(UINT32_MAX % 4 + 5) % 4]);
}

TEST_CASE("agreement message: the form has one encoding, and each rule of it refuses") {
    Message proposal{Kind::proposal, {7}, 3, 2, some_value(1), {}, {}};
    CHECK(encode(proposal).size() == message_size);
    CHECK(parses(proposal));
    auto message = proposal;
    message.valid_round = no_round;
    CHECK(parses(message));
    message.valid_round = 3;
    CHECK_FALSE(parses(message));
    message = proposal;
    message.value = {};
    CHECK_FALSE(parses(message));
    message = proposal;
    message.round = rounds_max;
    CHECK_FALSE(parses(message));
    message.round = rounds_max - 1;
    CHECK(parses(message));
    message = proposal;
    message.kind = Kind::prevote;
    CHECK_FALSE(parses(message));
    message.valid_round = no_round;
    CHECK(parses(message));
    message.value = {};
    CHECK(parses(message));
    for (const auto kind : {0, 4, 0x11}) {
        message.kind = static_cast<Kind>(kind);
        CHECK_FALSE(parses(message));
    }
    auto bytes = encode(proposal);
    bytes.push_back(0);
    CHECK_FALSE(parse_message(bytes));
    bytes.resize(message_size - 1);
    CHECK_FALSE(parse_message(bytes));
}

TEST_CASE("agreement message: only its author's signature for this network passes the check") {
    const auto made = test::make_council(4, 1);
    const auto message = vote(*made.signers[2], Kind::precommit, 1, some_value(3));
    const auto checked = CheckedMessage::check(message, made.council);
    REQUIRE(checked);
    CHECK(checked->author() == 2);
    auto council = made.council;
    council.network.bytes[0] ^= 1;
    CHECK_FALSE(CheckedMessage::check(message, council));
    auto changed = message;
    changed.authority = made.council.authorities[1];
    CHECK_FALSE(CheckedMessage::check(changed, made.council));
    changed.authority.bytes.fill(9);
    CHECK_FALSE(CheckedMessage::check(changed, made.council));
    // Every field is signed.
    const auto bytes = encode(message);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto other = bytes;
        other[at] ^= 1;
        const auto parsed = parse_message(other);
        CAPTURE(at);
        CHECK_FALSE((parsed && CheckedMessage::check(*parsed, made.council)));
    }
}

TEST_CASE("agreement message: a proposal out of turn is refused") {
    const auto made = test::make_council(4, 1);
    for (const auto& signer : made.signers) {
        const auto message =
            signer->sign({Kind::proposal, {7}, 2, no_round, some_value(1), {}, {}});
        CHECK(CheckedMessage::check(message, made.council).has_value() ==
              (message.authority == made.council.proposer({7}, 2)));
    }
}

TEST_CASE("agreement certificate: the form has one encoding, and each rule of it refuses") {
    const auto made = test::make_council(4, 1);
    const auto sound = certificate_of(made, 3);
    CHECK(parses(sound));
    auto certificate = sound;
    std::swap(certificate.voters[0], certificate.voters[1]);
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.voters[1] = certificate.voters[0];
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.voters.clear();
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.value = {};
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.round = rounds_max;
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.kind = Kind::proposal;
    CHECK_FALSE(parses(certificate));
    certificate = sound;
    certificate.voters.resize(authorities_max + 1);
    for (std::size_t i = 0; i < certificate.voters.size(); ++i)
        certificate.voters[i].authority.bytes[0] = static_cast<std::uint8_t>(i);
    CHECK_FALSE(parses(certificate));
    certificate.voters.pop_back();
    CHECK(parses(certificate));
    CHECK(encode(certificate).size() == certificate_size_max);
    auto bytes = encode(sound);
    bytes.push_back(0);
    CHECK_FALSE(parse_certificate(bytes));
    CHECK_FALSE(parse_certificate({}));
}

TEST_CASE("agreement certificate: only a quorum of valid and different votes passes the check") {
    const auto made = test::make_council(4, 1);
    CHECK(CheckedCertificate::check(certificate_of(made, 3), made.council));
    CHECK(CheckedCertificate::check(certificate_of(made, 4), made.council));
    CHECK_FALSE(CheckedCertificate::check(certificate_of(made, 2), made.council));
    auto certificate = certificate_of(made, 3);
    certificate.voters[2] = certificate.voters[1];
    CHECK_FALSE(CheckedCertificate::check(certificate, made.council));
    certificate = certificate_of(made, 4);
    certificate.voters[3].signature[5] ^= 1;
    CHECK_FALSE(CheckedCertificate::check(certificate, made.council));
    certificate = certificate_of(made, 3);
    certificate.kind = Kind::precommit;
    CHECK_FALSE(CheckedCertificate::check(certificate, made.council));
}
