#include "client/core/loop_watch.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;
using Kind = LoopState::Kind;

namespace {

/// Five loops a second. Each comes back after 300 ms, unless a test drops it.
struct Loops {
    Loops() { watch.connected(now); }

    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end; now += 100ms) {
            if (count++ % 2 == 0) {
                watch.planned(now);
                if (!drop) under_way.push_back(now);
            }
            while (!under_way.empty() && !held && now - under_way.front() >= 300ms) {
                watch.returned(under_way.front(), now);
                under_way.erase(under_way.begin());
            }
            watch.step(now);
        }
    }
    LoopState state() const { return watch.state(now); }

    LoopWatch watch{directory::Parameters{}};
    base::Mono now{std::chrono::hours{1}};
    bool drop = false;
    bool held = false;
    unsigned count = 0;
    std::vector<base::Mono> under_way;
};

}  // namespace

TEST_CASE("while loops return, loop time passes as fast as the clock") {
    Loops l;
    CHECK(l.state().kind == Kind::starting);
    l.run(100s);
    CHECK(l.state().kind == Kind::returning);
    CHECK(l.state().missing_share == 0);
    CHECK(l.watch.time() > 99s);
    CHECK(l.watch.time() <= 100s);
    CHECK_FALSE(l.watch.last_stall());
}

TEST_CASE("loop time stands while nothing returns, and the state says since when") {
    Loops l;
    l.run(10s);
    const auto before = l.watch.time();
    const auto from = l.now;
    l.held = true;
    l.run(2500ms);
    CHECK(l.watch.time() == before);
    CHECK(l.state().kind == Kind::returning);
    l.run(1s);
    CHECK(l.state().kind == Kind::silent);
    REQUIRE(l.state().silent_since);
    CHECK(*l.state().silent_since >= from - 300ms);
    CHECK(*l.state().silent_since <= from);
    l.run(6s);
    // Held cells come at once. Those that counted as missed by now add no time.
    l.held = false;
    l.run(1s);
    CHECK(l.watch.time() > before);
    CHECK(l.watch.time() - before <= 8s);
    CHECK_FALSE(l.watch.last_stall());  // some of the loops of these seconds came back
    CHECK(l.state().kind != Kind::silent);
}

TEST_CASE("a stall is 8 s or more whose loops all stay away") {
    for (const auto seconds : {7, 9}) {
        CAPTURE(seconds);
        Loops l;
        l.run(10s);
        l.drop = true;
        l.run(base::Seconds{seconds});
        l.drop = false;
        l.run(1s);
        CHECK(l.watch.last_stall().has_value() == (seconds == 9));
    }
}

TEST_CASE("a stall that reaches over a broken link is one") {
    Loops l;
    l.run(10s);
    l.drop = true;
    l.run(4s);
    l.watch.disconnected();
    CHECK(l.state().kind == Kind::down);
    l.now += 5s;
    l.watch.connected(l.now);
    CHECK(l.state().kind == Kind::starting);
    l.drop = false;
    l.run(1s);
    CHECK(l.watch.last_stall().has_value());
}

TEST_CASE("missing loops are counted, and too many are named until they return again") {
    Loops l;
    l.run(30s);
    for (int i = 0; i < 20; ++i) {
        l.drop = i % 2 == 0;
        l.run(1s);
    }
    l.run(7s);
    CHECK(l.state().kind == Kind::missing);
    CHECK(l.state().missing_share > 0.15);
    l.run(90s);
    CHECK(l.state().kind == Kind::returning);
    CHECK(l.state().missing_share == 0);
}

TEST_CASE("a loop that was changed on its way is missing, one that never left is not") {
    Loops l;
    l.run(10s);
    const auto time = l.watch.time();
    for (auto slot = l.now; slot < l.now + 40ms; slot += 1ms) {
        l.watch.planned(slot);
        l.watch.modified(slot);
        l.watch.planned(slot);
        l.watch.not_sent(slot);
        l.watch.returned(slot, l.now + 1s);  // unknown by now
    }
    CHECK(l.watch.time() == time);
    l.run(1s);
    CHECK(l.state().missing_share > 0.4);
    CHECK(l.state().missing_share < 0.5);
    CHECK(l.state().kind == Kind::missing);
}
