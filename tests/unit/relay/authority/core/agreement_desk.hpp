// One authority of a council under test; the test speaks for the others.
#pragma once

#include <doctest/doctest.h>

#include "relay/authority/core/agreement.hpp"
#include "tests/support/council.hpp"

namespace nightjar::test {

using namespace relay::authority::core;

class TestRules final : public Rules {
 public:
    base::Bytes build() override { return bytes_of("good own " + std::to_string(++built)); }
    bool valid(base::ByteView value) override { return base::as_text(value).starts_with("good"); }
    static base::Bytes bytes_of(std::string_view text) {
        const auto bytes = base::as_bytes(text);
        return {bytes.begin(), bytes.end()};
    }
    unsigned built = 0;
};

class Desk {
 public:
    static constexpr base::Epoch epoch{8};

    /// `place` is its index in the council; authority r % size proposes in round r.
    explicit Desk(std::size_t place, std::size_t size = 4)
        : made{make_council(size, 3)},
          setup{&made.council, made.signers[place].get(), &rules, {}},
          agreement{std::make_unique<Agreement>(setup, epoch, now)} {}

    /// Makes every write durable, until there is none.
    void settle() {
        while (const auto write = agreement->take_write()) {
            const auto state = parse_saved_state(write->state);
            REQUIRE(state);
            saved = *state;
            for (const auto& value : write->values)
                values.push_back(*value);
            agreement->written(write->number, now);
        }
    }
    /// What has left since the last call.
    std::vector<Message> said() {
        settle();
        std::vector<Message> messages;
        for (const auto& outgoing : agreement->take_messages())
            if (const auto* message = std::get_if<Message>(&outgoing)) messages.push_back(*message);
        return messages;
    }
    void restart() { agreement = std::make_unique<Agreement>(setup, saved, values, now); }

    Message message(std::size_t from, Kind kind, std::uint32_t round, const ValueId& value,
                    std::uint32_t valid_round = no_round) const {
        return made.signers[from]->sign({kind, epoch, round, valid_round, value, {}, {}});
    }
    void hear(const Message& message) {
        const auto checked = CheckedMessage::check(message, made.council);
        if (checked) agreement->receive(*checked, now);
    }
    void hear(std::size_t from, Kind kind, std::uint32_t round, const ValueId& value,
              std::uint32_t valid_round = no_round) {
        hear(message(from, kind, round, value, valid_round));
    }
    Certificate certificate(Kind kind, std::uint32_t round, const ValueId& value) const {
        Certificate made_of{kind, epoch, round, value, {}};
        for (std::size_t i = 0; i < made.council.quorum; ++i) {
            const auto vote = message(i, kind, round, value);
            made_of.voters.push_back({vote.authority, vote.signature});
        }
        return made_of;
    }
    void hear(const Certificate& certificate) {
        agreement->receive(*CheckedCertificate::check(certificate, made.council), now);
    }
    /// The id of a value, which the authority is given if it misses it.
    ValueId give(std::string_view text) {
        const auto bytes = TestRules::bytes_of(text);
        agreement->receive_value(bytes, now);
        return id_of(text);
    }
    static ValueId id_of(std::string_view text) { return value_id(TestRules::bytes_of(text)); }
    /// Lets time pass until the next thing is due.
    void wait(base::Nanoseconds time) {
        const auto end = now + time;
        for (; *agreement->due() <= end; agreement->pass(now))
            now = *agreement->due();
        now = end;
        settle();
    }

    TestRules rules;
    TestCouncil made;
    AgreementSetup setup;
    base::Mono now{base::Seconds{1000}};
    std::unique_ptr<Agreement> agreement;
    SavedState saved;
    std::vector<base::Bytes> values;
};

}  // namespace nightjar::test
