#include "client/core/exit_silence.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

constexpr base::Mono begun{std::chrono::hours{1}};

}  // namespace

TEST_CASE("an exit that stays silent although ticks are due is dead after 8 s of returned loops") {
    ExitSilence silence{begun};
    CHECK_FALSE(silence.dead(1h));  // no tick was due yet
    silence.ticking(45, 3s);
    CHECK_FALSE(silence.dead(11s));
    CHECK(silence.dead(11001ms));
    silence.heard(11s, begun + 40s);
    CHECK_FALSE(silence.dead(19s));
    CHECK(silence.dead(19001ms));
    silence.resume(20s);
    CHECK_FALSE(silence.dead(28s));
    CHECK(silence.dead(28001ms));
    silence.ticking(0, 30s);
    CHECK_FALSE(silence.dead(1h));
    CHECK(dead_after(45) == 8s);
    CHECK(dead_after(1) == 14s);
}

TEST_CASE("a silence that is no wonder at one pace does not kill at the higher one that follows") {
    ExitSilence silence{begun};
    silence.ticking(0.9, 0s);
    CHECK_FALSE(silence.dead(15s));
    CHECK(silence.ticking_for(15s) == 15s);
    silence.ticking(45, 15s);
    CHECK_FALSE(silence.dead(23s));
    CHECK(silence.dead(23001ms));
    silence.ticking(15, 22s);  // a lower pace excuses nothing
    CHECK(silence.dead(23001ms));
    CHECK(silence.ticking_for(30s) == 30s);
}

TEST_CASE("when an exit was last heard is clock time, and begins with the session") {
    ExitSilence silence{begun};
    CHECK(silence.last_heard() == begun);
    silence.heard(5s, begun + 1min);
    CHECK(silence.last_heard() == begun + 1min);
}
