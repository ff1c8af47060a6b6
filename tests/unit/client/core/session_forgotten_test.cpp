// A session that its exit has forgotten, seen in the replies of the one that the exit began
// instead.
#include "tests/unit/client/core/session_fixture.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace nightjar::client_test;

namespace {

/// A session with a stream whose OPEN and data have arrived and been acknowledged.
struct Fixture : SessionFixture {
    Fixture() {
        stream = *session.mux().open({"example.org", 80});
        session.mux().write(stream, base::as_bytes("before"));
        const auto up = compose();
        arrived.arrived(up.header.number);
        compose();
        now += 4s;
        REQUIRE(reply(arrived.newest()));
    }
    stream::StreamId stream = 0;
    stream::ArrivedLog arrived;
};

}  // namespace

TEST_CASE("a reply of another incarnation says that the exit has forgotten the session") {
    Fixture f;
    CHECK_FALSE(f.session.forgotten());
    // Its number may be old or new.
    for (const stream::PacketNumber number : {0, 100}) {
        Fixture each;
        each.incarnation = 8;
        each.replies = number;
        CHECK_FALSE(each.reply(each.arrived.newest()));
        CHECK(each.session.forgotten());
    }
    CHECK(f.reply(f.arrived.newest()));
    CHECK_FALSE(f.session.forgotten());
}

TEST_CASE("late replies of the old incarnation revive no session") {
    Fixture f;
    const auto stock = f.session.stock();
    f.incarnation = 8;
    CHECK_FALSE(f.reply(f.arrived.newest()));
    CHECK(f.session.stock() == stock);
    f.incarnation = 7;
    f.far.accept(f.stream);
    CHECK_FALSE(f.reply(f.arrived.newest()));
    CHECK(f.session.mux().take_events().empty());
    CHECK(f.session.stock() == stock);
    CHECK(f.session.forgotten());
}
