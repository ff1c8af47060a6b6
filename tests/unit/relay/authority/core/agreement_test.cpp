#include "relay/authority/core/agreement.hpp"

#include <doctest/doctest.h>

#include "tests/unit/relay/authority/core/agreement_desk.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::Desk;
using namespace std::chrono_literals;

namespace {

const ValueId nil{};

/// What the authority said last, which must be one message of this kind and round.
ValueId only(const std::vector<Message>& said, Kind kind, std::uint32_t round) {
    REQUIRE(said.size() == 1);
    CHECK(said[0].kind == kind);
    CHECK(said[0].round == round);
    return said[0].value;
}

/// Authority 1 has locked "good a" in round 0.
Desk locked_desk() {
    Desk desk{1};
    const auto a = Desk::id_of("good a");
    desk.hear(0, Kind::proposal, 0, a);
    desk.give("good a");
    CHECK(only(desk.said(), Kind::prevote, 0) == a);
    desk.hear(0, Kind::prevote, 0, a);
    desk.hear(2, Kind::prevote, 0, a);
    CHECK(only(desk.said(), Kind::precommit, 0) == a);
    return desk;
}

/// Brings the authority into a round: more than a third are there.
void raise(Desk& desk, std::uint32_t round) {
    desk.hear(2, Kind::prevote, round, nil);
    desk.hear(3, Kind::prevote, round, Desk::id_of("good c"));
    CHECK(desk.agreement->round() == round);
}

}  // namespace

TEST_CASE(
    "agreement: an authority alone decides its own proposal, and each step waits for its write") {
    Desk desk{0, 1};
    auto& agreement = *desk.agreement;
    std::vector<Kind> said;
    for (int writes = 0; !agreement.decision(); ++writes) {
        REQUIRE(writes < 10);
        const auto write = agreement.take_write();
        REQUIRE(write);
        CHECK(agreement.take_messages().empty());
        CHECK_FALSE(agreement.decision());
        agreement.written(write->number, desk.now);
        for (const auto& outgoing : agreement.take_messages())
            said.push_back(std::get<Message>(outgoing).kind);
    }
    CHECK(said == std::vector{Kind::proposal, Kind::prevote, Kind::precommit});
    CHECK(*agreement.decision() == Desk::id_of("good own 1"));
    CHECK(*agreement.value(*agreement.decision()) == desk.rules.bytes_of("good own 1"));
}

TEST_CASE("agreement: no message leaves, and none is counted, before its write is confirmed") {
    Desk desk{1};
    auto& agreement = *desk.agreement;
    const auto a = Desk::id_of("good a");
    desk.hear(0, Kind::proposal, 0, a);
    desk.give("good a");
    desk.hear(2, Kind::prevote, 0, a);
    desk.hear(3, Kind::prevote, 0, a);
    const auto first = agreement.take_write();
    REQUIRE(first);
    agreement.pass(desk.now + 1ms);
    CHECK(agreement.take_messages().empty());
    CHECK_FALSE(agreement.take_write());  // its own prevote is not yet the third
    REQUIRE(first->values.size() == 1);   // what it votes for is on its disk as well
    CHECK(*first->values[0] == desk.rules.bytes_of("good a"));
    agreement.written(first->number, desk.now);
    CHECK(agreement.take_messages().size() == 1);
    const auto second = agreement.take_write();
    REQUIRE(second);  // the precommit
    CHECK(second->values.empty());
    CHECK(agreement.take_messages().empty());
}

TEST_CASE("agreement: an older write does not release what waits for a newer one") {
    Desk desk{0};  // its turn
    auto& agreement = *desk.agreement;
    const auto first = agreement.take_write();
    REQUIRE(first);
    desk.now += desk.setup.times.propose;
    agreement.pass(desk.now);
    const auto second = agreement.take_write();
    REQUIRE(second);
    agreement.written(first->number, desk.now);
    CHECK(agreement.take_messages().size() == 1);  // the proposal, not yet the prevote
    agreement.written(second->number, desk.now);
    CHECK(agreement.take_messages().size() == 1);
}

TEST_CASE("agreement: it prevotes a proposal that the rules allow, and nil for another one") {
    for (const bool sound : {true, false}) {
        Desk desk{1};
        const std::string text = sound ? "good a" : "bad a";
        desk.hear(0, Kind::proposal, 0, Desk::id_of(text));
        CHECK(desk.said().empty());
        CHECK(desk.agreement->missing() == std::set{Desk::id_of(text)});
        desk.give("good another");
        CHECK(desk.said().empty());
        desk.give(text);
        CHECK(only(desk.said(), Kind::prevote, 0) == (sound ? Desk::id_of(text) : nil));
        CHECK(desk.agreement->missing().empty());
    }
}

TEST_CASE("agreement: without a proposal or its value it prevotes nil when the time is over") {
    for (const bool proposed : {true, false}) {
        Desk desk{1};
        if (proposed) desk.hear(0, Kind::proposal, 0, Desk::id_of("good a"));
        desk.wait(desk.setup.times.propose - 1ns);
        for (const auto& message : desk.said())
            CHECK(message.authority != desk.setup.signer->authority());
        desk.wait(1ns);
        CHECK(only(desk.said(), Kind::prevote, 0) == nil);
    }
}

TEST_CASE(
    "agreement: a quorum of precommits decides, two do not, and the decision is written first") {
    auto desk = locked_desk();
    const auto a = Desk::id_of("good a");
    desk.hear(0, Kind::precommit, 0, a);
    desk.settle();
    CHECK_FALSE(desk.agreement->decision());
    desk.hear(2, Kind::precommit, 0, a);
    CHECK_FALSE(desk.agreement->decision());
    desk.settle();
    REQUIRE(desk.agreement->decision());
    CHECK(*desk.agreement->decision() == a);
    REQUIRE(desk.saved.decision);
    CHECK(desk.saved.decision->voters.size() == 3);
}

TEST_CASE("agreement: a locked authority prevotes no other value without a newer proof") {
    auto desk = locked_desk();
    const auto b = Desk::id_of("good b");
    raise(desk, 2);
    CHECK(desk.said().empty());
    desk.hear(2, Kind::proposal, 2, b);
    desk.give("good b");
    CHECK(only(desk.said(), Kind::prevote, 2) == nil);
    // Proposed again as what it locked, without a proof.
    raise(desk, 3);
    desk.hear(3, Kind::proposal, 3, Desk::id_of("good a"));
    CHECK(only(desk.said(), Kind::prevote, 3) == Desk::id_of("good a"));
}

TEST_CASE("agreement: a proof of a later round than the lock unlocks, and only with the votes") {
    auto desk = locked_desk();
    const auto b = Desk::id_of("good b");
    raise(desk, 3);
    desk.hear(3, Kind::proposal, 3, b, 1);
    desk.give("good b");
    CHECK(desk.said().empty());  // the votes of round 1 are not there
    desk.hear(desk.certificate(Kind::prevote, 1, b));
    CHECK(only(desk.said(), Kind::prevote, 3) == b);
}

TEST_CASE("agreement: a proof of an earlier round than the lock does not unlock") {
    Desk desk{1};
    const auto a = Desk::id_of("good a"), b = Desk::id_of("good b");
    raise(desk, 4);
    desk.hear(0, Kind::proposal, 4, a);
    desk.give("good a");
    desk.hear(0, Kind::prevote, 4, a);
    desk.hear(desk.certificate(Kind::prevote, 4, a));
    desk.said();
    raise(desk, 6);
    desk.hear(desk.certificate(Kind::prevote, 3, b));
    desk.hear(2, Kind::proposal, 6, b, 3);
    desk.give("good b");
    CHECK(only(desk.said(), Kind::prevote, 6) == nil);
}

TEST_CASE(
    "agreement: whose turn it is proposes the newest value that had a quorum, with the round") {
    auto desk = locked_desk();
    raise(desk, 5);  // the turn of authority 1
    const auto said = desk.said();
    REQUIRE(said.size() == 2);
    CHECK(said[0].kind == Kind::proposal);
    CHECK(said[0].value == Desk::id_of("good a"));
    CHECK(said[0].valid_round == 0);
    CHECK(said[1].kind == Kind::prevote);
    CHECK(said[1].value == Desk::id_of("good a"));
    CHECK(desk.rules.built == 0);
}

TEST_CASE("agreement: one faulty authority moves it to no round, two authorities do") {
    Desk desk{1};
    desk.hear(3, Kind::prevote, 40, nil);
    CHECK(desk.agreement->round() == 0);
    desk.hear(2, Kind::precommit, 30, nil);
    CHECK(desk.agreement->round() == 30);
}

TEST_CASE("agreement: rounds wait longer and longer") {
    Desk desk{1};
    raise(desk, 2);
    desk.said();
    desk.wait(3 * desk.setup.times.propose - 1ns);
    CHECK(desk.saved.own.empty());
    desk.wait(1ns);
    REQUIRE(desk.saved.own.size() == 1);
    CHECK(desk.saved.own[0].round == 2);
}

TEST_CASE(
    "agreement: when a quorum has voted but not agreed it waits for the others, then goes on") {
    Desk desk{1};
    const auto a = Desk::id_of("good a");
    desk.hear(0, Kind::proposal, 0, a);
    desk.give("good a");
    desk.said();
    desk.hear(0, Kind::prevote, 0, nil);
    desk.hear(2, Kind::prevote, 0, nil);
    CHECK(desk.said().empty());
    desk.wait(desk.setup.times.vote);
    CHECK(desk.saved.own.back().kind == Kind::precommit);
    CHECK(desk.saved.own.back().value == nil);
    desk.hear(0, Kind::precommit, 0, nil);
    desk.hear(2, Kind::precommit, 0, nil);
    CHECK(desk.agreement->round() == 0);
    desk.wait(desk.setup.times.vote);
    CHECK(desk.agreement->round() == 1);
}

TEST_CASE("agreement: after a restart it says the same again, keeps its lock, and votes no more") {
    auto desk = locked_desk();
    desk.restart();
    desk.hear(0, Kind::proposal, 0, Desk::id_of("good b"));
    desk.give("good b");
    CHECK(desk.said().empty());
    desk.wait(1ms);
    std::vector<ValueId> repeated;
    for (const auto& message : desk.said())
        if (message.authority == desk.setup.signer->authority()) repeated.push_back(message.value);
    CHECK(repeated == std::vector{Desk::id_of("good a"), Desk::id_of("good a")});
    raise(desk, 2);
    desk.hear(2, Kind::proposal, 2, Desk::id_of("good b"));
    desk.give("good b");
    CHECK(only(desk.said(), Kind::prevote, 2) == nil);
    CHECK(desk.agreement->value(Desk::id_of("good a")) != nullptr);
}

TEST_CASE("agreement: after a restart it still shows the others how it came to its round") {
    auto desk = locked_desk();
    for (const std::size_t from : {0, 3})
        desk.hear(from, Kind::precommit, 0, nil);
    desk.wait(desk.setup.times.vote);
    CHECK(desk.agreement->round() == 1);  // its turn: it has proposed and voted
    desk.settle();
    desk.restart();
    desk.agreement->take_messages();
    desk.wait(1ms);
    std::size_t precommits = 0, own = 0;
    for (const auto& message : desk.said()) {
        if (message.round == 0 && message.kind == Kind::precommit) ++precommits;
        if (message.round == 1 && message.authority == desk.setup.signer->authority()) ++own;
    }
    CHECK(precommits == 3);  // its own among them: a quorum
    CHECK(own == 2);
}

TEST_CASE("agreement: after a restart a decision stands, and is shown to the others") {
    auto desk = locked_desk();
    desk.hear(desk.certificate(Kind::precommit, 0, Desk::id_of("good a")));
    desk.settle();
    REQUIRE(desk.agreement->decision());
    desk.agreement->take_messages();
    desk.restart();
    REQUIRE(desk.agreement->decision() == Desk::id_of("good a"));
    CHECK(desk.agreement->value(Desk::id_of("good a")) != nullptr);
    desk.wait(1ms);
    const auto shown = desk.agreement->take_messages();
    REQUIRE(shown.size() == 1);
    CHECK(std::get<Certificate>(shown[0]).kind == Kind::precommit);
}

TEST_CASE("agreement: a certificate decides what a faulty authority's other vote has hidden") {
    Desk desk{1};
    const auto a = Desk::id_of("good a"), b = Desk::id_of("good b");
    desk.hear(0, Kind::precommit, 0, b);  // to this authority it said b, to the others a
    desk.hear(2, Kind::precommit, 0, a);
    desk.hear(3, Kind::precommit, 0, a);
    desk.hear(0, Kind::precommit, 0, a);
    CHECK(desk.agreement->missing().empty());
    const auto pairs = desk.agreement->equivocations();
    REQUIRE(pairs.size() == 1);
    CHECK(pairs[0].first.value == b);
    CHECK(pairs[0].second.value == a);
    CHECK(pairs[0].first.authority == desk.made.council.authorities[0]);
    Certificate certificate{Kind::precommit, Desk::epoch, 0, a, {}};
    for (const std::size_t voter : {0, 2, 3}) {
        const auto vote = desk.message(voter, Kind::precommit, 0, a);
        certificate.voters.push_back({vote.authority, vote.signature});
    }
    desk.hear(certificate);
    desk.give("good a");
    desk.settle();
    CHECK(desk.agreement->decision() == a);
}
