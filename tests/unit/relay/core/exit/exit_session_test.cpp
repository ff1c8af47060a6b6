#include "relay/core/exit_session.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/unit/relay/core/exit/exit_harness.hpp"

using namespace nightjar;
using namespace nightjar::exit_test;

namespace {

/// One session, and the client's packets to it, written by hand.
struct OneSession {
    OneSession() : session{named(), 1, parameters, stream::MuxLimits{}} {
        beat.follow(Mono{}, wall(Mono{}));
    }

    static base::SessionId named() {
        base::SessionId id;
        id.bytes.fill(7);
        return id;
    }
    /// The packet `number` with this pace and these SURBs arrives `at`.
    void receive(stream::PacketNumber number, stream::Schedule schedule, std::uint8_t surbs,
                 Mono at = Mono{}) {
        stream::UpHeader header;
        header.session = named();
        header.number = number;
        header.schedule = schedule;
        header.surb_count = surbs;
        header.surb_epoch = epoch;
        base::Bytes message(stream::message_size);
        stream::encode(header, message);
        const auto room = base::ByteSpan{message}.last(stream::up_room(surbs));
        client.fill(number, room);
        const auto frames = stream::CheckedFrames::parse(Side::exit, room);
        REQUIRE(frames.has_value());
        session.receive(header, message, *frames, at, context);
    }
    auto tick(Mono at) { return session.tick(at, wall_start, context); }

    const std::uint8_t epoch =
        static_cast<std::uint8_t>(wall_start.time_since_epoch() / Seconds{3600});
    directory::Parameters parameters;
    PlainSealer sealer;
    stream::Beat beat{parameters.replies.milli};
    relay::core::ExitContext context{parameters, sealer, beat, 1024};
    relay::core::ExitSession session;
    Mux client{Side::client};
};

}  // namespace

TEST_CASE("exit session: idle until a schedule names a pace, and idle again at pace 0") {
    OneSession one;
    CHECK(one.session.due() == Mono::max());
    one.receive(1, {1, 0, 0, 0}, 5);
    CHECK(one.session.due() == Mono::max());
    CHECK(one.session.stock() == 5);
    one.receive(2, {2, 10'000, 0, 0}, 0);
    CHECK(one.session.due() <= Mono{} + Milliseconds{200});
    CHECK(one.tick(one.session.due()).has_value());
    CHECK(one.session.due() != Mono::max());
    one.receive(3, {3, 0, 0, 0}, 0, one.session.due() - Milliseconds{1});
    CHECK(one.session.due() == Mono::max());
}

TEST_CASE("exit session: a tick in time spends a SURB, and a late one keeps it") {
    OneSession one;
    one.receive(1, full, 3);
    CHECK(one.tick(one.session.due() + Milliseconds{250}).has_value());
    CHECK(one.session.stock() == 2);
    const auto late = one.session.due();
    CHECK_FALSE(one.tick(late + Milliseconds{251}).has_value());
    CHECK(one.session.stock() == 2);
    CHECK(one.session.due() > late);
}

TEST_CASE("exit session: a reply's number counts the ticks, missed ones too") {
    OneSession one;
    one.receive(1, full, 2);
    const auto number = [](const relay::core::ExitSession::Reply& reply) {
        return stream::decode_down(base::ByteView{reply.cell->body()}.first(stream::message_size))
            ->number;
    };
    Mono now{};
    const auto tick = [&](Milliseconds late = Milliseconds{0}) {
        now = std::max(now, one.session.due() + late);
        return one.tick(now);
    };
    CHECK(number(*tick()) == 1);
    CHECK_FALSE(tick(Milliseconds{251}).has_value());
    CHECK(number(*tick()) == 3);
    CHECK_FALSE(tick().has_value());  // no SURB
    one.receive(2, full, 1, now);
    CHECK(number(*tick()) == 5);
}

TEST_CASE("exit session: a packet that comes again changes nothing, not even when it was heard") {
    OneSession one;
    one.receive(1, full, 2);
    one.receive(1, full, 2, Mono{} + Seconds{5});
    CHECK(one.session.stock() == 2);
    CHECK(one.session.heard() == Mono{});
    one.receive(2, full, 0, Mono{} + Seconds{6});
    CHECK(one.session.heard() == Mono{} + Seconds{6});
}

TEST_CASE("exit session: its end resets every stream and reports it") {
    OneSession one;
    REQUIRE(one.client.open({"a.org", 80}));
    REQUIRE(one.client.open({"b.org", 80}));
    one.receive(1, full, 0);
    std::vector<relay::core::ExitEvent> events;
    one.session.take_events(events);
    CHECK(events.size() == 2);
    events.clear();
    one.session.end(stream::ResetReason::overload, events);
    REQUIRE(events.size() == 2);
    for (const auto& event : events) {
        CHECK(event.session == OneSession::named());
        CHECK(event.event.kind == Event::Kind::reset);
        CHECK(event.event.reason == stream::ResetReason::overload);
    }
}

TEST_CASE(
    "exit session: its memory counts SURBs with their room, and what its streams and names hold") {
    OneSession one;
    const auto memory = [&] { return one.session.memory() + one.session.carried()->memory(); };
    const auto empty = memory();
    one.receive(1, full, 5);
    const auto with_surbs = memory();
    CHECK(with_surbs >= empty + 5 * packet::surb_size);
    const auto id = *one.client.open({"a.org", 80});
    one.receive(2, full, 0);
    one.session.streams().accept(id);
    const base::Bytes bytes(10'000);
    CHECK(one.session.streams().write(id, bytes) == bytes.size());
    CHECK(memory() >= with_surbs + bytes.size());
    const auto with_bytes = memory();
    one.session.carried()->names.remember(std::string(200, 'a'), relay::core::Family::v4,
                                          base::Fail{relay::core::NameError::not_found},
                                          base::Mono{});
    CHECK(memory() >= with_bytes + 200);
}

TEST_CASE("exit session: every object of a session has an incarnation of its own") {
    std::set<std::uint32_t> seen;
    for (const std::uint64_t seed : {1, 2}) {
        Harness harness;
        harness.random = base::SeededRandom{seed};
        relay::core::ExitSessions exit{harness.parameters,
                                       harness.random,
                                       harness.counters,
                                       {},
                                       std::make_unique<PlainSealer>()};
        for (int life = 0; life < 3; ++life) {
            for (int packet = 0; packet < 4; ++packet)
                exit.on_message(harness.message(5, full), harness.now, wall(harness.now));
            std::vector<ExitSessions::Reply> replies;
            for (int ms = 0; ms < 200; ms += 10)
                exit.tick(harness.now + Milliseconds{ms}, wall(harness.now + Milliseconds{ms}),
                          replies);
            REQUIRE(replies.size() > 2);
            const auto incarnation = harness.header_of(replies.front()).incarnation;
            for (const auto& reply : replies)
                CHECK(harness.header_of(reply).incarnation == incarnation);
            CHECK(seen.insert(incarnation).second);
            harness.now += Seconds{140};  // the exit forgets the session
            exit.tick(harness.now, wall_start, replies);
            REQUIRE(exit.sessions() == 0);
        }
    }
    CHECK(seen.size() == 6);
}
