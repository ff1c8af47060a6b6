// A session's estimate of its exit's stock and of the SURBs on their way.
#include "tests/unit/client/core/session_fixture.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;
using Fixture = client_test::SessionFixture;

TEST_CASE("an exit that answers with hardly a SURB left has not confirmed its stock") {
    Fixture f;
    f.speak();
    const auto half = f.network.document->parameters.surb_margin / 2;
    f.compose();
    f.now = f.network.now + 3s;
    REQUIRE(f.surbs.size() - 1 < half);
    CHECK(f.reply({}));
    f.settle();
    CHECK(f.session.answered());
    CHECK_FALSE(f.session.stock_confirmed());
    for (const auto left : {half, half + 1}) {
        while (f.surbs.size() < left) {
            f.now += 20ms;
            f.compose();
        }
        f.surbs.resize(left);  // its reply says one less
        CHECK(f.reply({}));
        f.settle();
        CHECK(f.session.stock() == left - 1);
        CHECK(f.session.stock_confirmed() == (left > half));
    }
}

TEST_CASE("without a settled reply no packet is overdue, however long that takes") {
    Fixture f;
    f.speak();
    f.schedule.change_at = f.now + 20s;  // packets leave long before the exit can answer
    auto& mux = f.session.mux();
    const auto id = mux.open({"example.org", 80});
    REQUIRE(id);
    mux.write(*id, base::as_bytes("hello"));
    while (mux.has_data()) {
        f.now += 20ms;
        f.compose();
    }
    f.now += 60s;
    f.compose();
    CHECK_FALSE(mux.has_data());
    // A reply that left when an ack must have been there shows that the packet is lost.
    const auto settle = [&] {
        for (int step = 0; step < 60; ++step)  // 80 replies each
            f.session.settle(f.now, f.outstanding);
    };
    f.tick_to_now();
    CHECK(f.reply({}));
    f.now += f.network.document->parameters.settle_after() - 1ms;
    settle();
    CHECK_FALSE(mux.has_data());
    f.now += 40ms;
    settle();
    CHECK(mux.has_data());
}

TEST_CASE("the keys of an epoch end with the relays' grace after it, and 30 s for the clocks") {
    const directory::Parameters parameters;
    const base::Epoch epoch{500'000};
    const auto end = directory::epoch_start(epoch.next(), parameters.epoch_length);
    const auto ends = keys_end(parameters, epoch);
    CHECK(ends >= end + parameters.key_grace() + directory::clock_error);
    CHECK(ends < end + parameters.key_grace() + directory::clock_error + 1s);
}

TEST_CASE("a packet that never left gives back its own pings alone") {
    Fixture f;
    const auto compose = [&] {
        f.now += 20ms;
        return f.session.compose(f.schedule, f.now, f.network.wall, f.now, f.context());
    };
    while (f.session.target(f.schedule, f.now) > f.session.estimate(f.now))
        REQUIRE(compose());
    f.session.mux().ping(1);
    REQUIRE(compose());
    f.session.mux().ping(2);
    const auto packet = compose();
    REQUIRE(packet);
    f.session.not_sent(packet->number);
    CHECK_FALSE(f.session.take_sent_ping(2));
    CHECK(f.session.take_sent_ping(1));
}

TEST_CASE("SURBs made less than a route's longest delay before one that came back may come back") {
    Fixture f;
    const auto longest = f.network.document->parameters.longest_route_delay();
    f.compose();
    f.surbs.clear();
    f.now += longest - 1ms;
    f.compose();
    f.reply({});
    const auto left = f.outstanding.size();
    f.session.settle(f.now + longest, f.outstanding);
    CHECK(f.outstanding.size() == left);
}
