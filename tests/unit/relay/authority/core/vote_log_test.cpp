#include "relay/authority/core/vote_log.hpp"

#include <doctest/doctest.h>

#include "relay/authority/core/saved_state.hpp"
#include "tests/unit/relay/authority/core/agreement_desk.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::Desk;

TEST_CASE("vote log: a flood of rounds, epochs and values leaves one message for each place") {
    Desk desk{1};
    const auto& council = desk.made.council;
    VoteLog log{council, Desk::epoch};
    std::size_t kept = 0;
    for (std::uint32_t round = 0; round < rounds_max; ++round)
        for (unsigned value = 0; value < 4; ++value) {
            const auto message = desk.message(3, Kind::prevote, round,
                                              Desk::id_of("flood " + std::to_string(value)));
            const auto checked = CheckedMessage::check(message, council);
            REQUIRE(checked);
            log.add(*checked, 2);
        }
    for (std::uint32_t round = 0; round < rounds_max; ++round)
        kept += log.messages(round).size();
    CHECK(kept == 2 + 1 + rounds_ahead);
    CHECK(log.equivocations().size() == 1);
    auto other = desk.message(3, Kind::precommit, 1, {});
    CHECK(log.wants(other, 2));
    other.epoch = Desk::epoch.next();
    CHECK_FALSE(log.wants(other, 2));
}

TEST_CASE("vote log: what is held is not wanted again, so a repetition costs no signature check") {
    Desk desk{1};
    VoteLog log{desk.made.council, Desk::epoch};
    const auto message = desk.message(3, Kind::prevote, 1, Desk::id_of("a"));
    CHECK(log.wants(message, 0));
    log.add(*CheckedMessage::check(message, desk.made.council), 0);
    CHECK_FALSE(log.wants(message, 0));
    const auto far = desk.message(3, Kind::prevote, 50, Desk::id_of("a"));
    CHECK(log.wants(far, 0));
    log.add(*CheckedMessage::check(far, desk.made.council), 0);
    CHECK_FALSE(log.wants(far, 0));
    const auto certificate = desk.certificate(Kind::prevote, 1, Desk::id_of("a"));
    CHECK(log.wants(certificate));
    log.add(*CheckedCertificate::check(certificate, desk.made.council));
    CHECK_FALSE(log.wants(certificate));
}

TEST_CASE("vote log: two certificates of one round name those that voted twice") {
    Desk desk{1};
    VoteLog log{desk.made.council, Desk::epoch};
    for (const auto* text : {"a", "b"})
        log.add(*CheckedCertificate::check(desk.certificate(Kind::prevote, 1, Desk::id_of(text)),
                                           desk.made.council));
    CHECK(log.equivocations().size() == 3);
    for (const auto& pair : log.equivocations()) {
        CHECK(CheckedMessage::check(pair.first, desk.made.council));
        CHECK(CheckedMessage::check(pair.second, desk.made.council));
        CHECK(pair.first.value != pair.second.value);
    }
    CHECK(log.certified(Kind::prevote, 1)->value == Desk::id_of("a"));
}

TEST_CASE("saved state: the form has one encoding, and what cannot be is refused") {
    Desk desk{1};
    SavedState state{
        Desk::epoch,
        3,
        Step::precommit,
        Lock{2, Desk::id_of("a")},
        desk.certificate(Kind::prevote, 2, Desk::id_of("a")),
        desk.certificate(Kind::precommit, 2, Desk::id_of("a")),
        {desk.message(1, Kind::prevote, 3, Desk::id_of("a")),
         desk.message(1, Kind::precommit, 3, {})},
        {desk.message(0, Kind::precommit, 2, {}), desk.message(2, Kind::precommit, 2, {}),
         desk.message(0, Kind::prevote, 3, {})}};
    const auto parses = [](const SavedState& given) {
        const auto parsed = parse_saved_state(encode(given));
        if (parsed) CHECK(*parsed == given);
        return parsed.has_value();
    };
    CHECK(parses(state));
    CHECK(parses(SavedState{Desk::epoch, 0, Step::propose, {}, {}, {}, {}, {}}));
    const auto bytes = encode(state);
    CHECK(bytes.size() <= saved_state_size_max);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(parse_saved_state(base::ByteView{bytes}.first(size)));
    auto wrong = state;
    std::swap(wrong.own[0], wrong.own[1]);
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.own[0].round = 2;
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.valid->kind = Kind::precommit;
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.decision->epoch = Desk::epoch.next();
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.locked->round = rounds_max;
    CHECK_FALSE(parses(wrong));
    wrong = state;
    std::swap(wrong.heard[0], wrong.heard[1]);
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.heard[0].round = 1;
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.heard[2].round = 4;
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.heard[2].epoch = Desk::epoch.next();
    CHECK_FALSE(parses(wrong));
    wrong = state;
    wrong.step = static_cast<Step>(4);
    CHECK_FALSE(parses(wrong));
}
