// A session that carries the streams of its predecessor at the same exit.
#include "tests/unit/client/core/session_fixture.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace nightjar::client_test;

namespace {

/// A session that asks to carry streams. One of the streams waits to be opened.
struct Fixture : SessionFixture {
    Fixture() : streams{std::make_shared<stream::Mux>(stream::Side::client)} {
        token.fill(0x5a);
        stream = *streams->open({"example.org", 80});
        session.join(streams, token);
    }
    /// What the exit's end has been asked for.
    bool opened() {
        bool found = false;
        for (const auto& event : far.take_events())
            found = found || event.kind == stream::Event::Kind::opened;
        return found;
    }
    /// The JOINs in the next packets. Some packets have no room for one beside their SURBs.
    std::size_t joins() {
        std::size_t found = 0;
        for (int i = 0; i < 40; ++i)
            found += compose().join == token ? 1 : 0;
        return found;
    }
    void answer(bool yes) {
        now += 4s;
        may_join = yes;
        // An answer brings nothing to send again, so half of them are claimed lost.
        for (int i = 0; i < 12; ++i)
            REQUIRE(reply(arrived.newest()));
        may_join.reset();
    }
    std::shared_ptr<stream::Mux> streams;
    stream::JoinToken token;
    stream::StreamId stream = 0;
};

}  // namespace

TEST_CASE("a session that asks to carry streams sends its JOIN and nothing of them") {
    Fixture f;
    CHECK(f.joins() > 20);
    CHECK_FALSE(f.opened());
    f.answer(true);
    // The answer counts when it is settled.
    CHECK(f.session.join_state() == Session::Join::asking);
    CHECK(f.joins() > 10);
    CHECK_FALSE(f.opened());
    f.settle();
    CHECK(f.session.join_state() == Session::Join::joined);
    CHECK(f.joins() == 0);
    CHECK(f.opened());
}

TEST_CASE("a session that may not carry streams says so, and takes others") {
    Fixture f;
    for (int i = 0; i < 40; ++i)
        f.compose();
    f.answer(false);
    f.settle();
    CHECK(f.session.join_state() == Session::Join::refused);
    const auto own = std::make_shared<stream::Mux>(stream::Side::client);
    f.session.use(own);
    own->open({"example.com", 80});
    CHECK(f.session.join_state() == Session::Join::own);
    CHECK(f.joins() == 0);
    CHECK(f.opened());
}

TEST_CASE("a session that carries nothing any more acknowledges only what was settled before") {
    for (const bool retires : {false, true}) {
        SessionFixture f;
        f.speak();  // so that the replies are hardly ever claimed lost
        for (int i = 0; i < 20; ++i)
            f.compose();
        f.now += 4s;
        REQUIRE(f.reply(f.arrived.newest()));
        REQUIRE(f.reply(f.arrived.newest()));
        const auto number = f.replies;
        if (retires) f.session.retire();
        if (retires) CHECK_FALSE(f.reply(f.arrived.newest()));
        f.settle();
        const auto acks = f.compose().header.acks;
        CHECK((acks.largest >= number) == !retires);
    }
}

TEST_CASE("replies from far ahead are taken: our clock stood still and the exit's did not") {
    SessionFixture f;
    for (int i = 0; i < 20; ++i)
        f.compose();
    f.now += 4s;
    REQUIRE(f.reply(f.arrived.newest()));
    f.replies += 120 * 45;
    CHECK(f.reply(f.arrived.newest()));
    f.replies += 3600 * 45;
    CHECK_FALSE(f.reply(f.arrived.newest()));
}
