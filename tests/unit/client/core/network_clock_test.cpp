#include "client/core/network_clock.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace std::chrono_literals;
using client::core::NetworkClock;

namespace {

constexpr base::Mono now{std::chrono::hours{7}};
constexpr base::Wall wall{1'800'000'000s + 250ms};

}  // namespace

TEST_CASE("network time counts from the last whole second, exactly") {
    const auto clock = NetworkClock::reading(now, wall);
    CHECK((clock.zero == now - 250ms));
    CHECK((clock.at_zero == base::Wall{1'800'000'000s}));
    CHECK((clock.at(now) == wall));
    CHECK((clock.at(now - 251ms) == base::Wall{1'799'999'999s + 999ms}));
    CHECK((clock.at(now + 1h) == wall + 1h));
    CHECK((clock.time_of(base::Wall{1'800'003'600s}) == now - 250ms + 1h));
    CHECK(clock.nearest_second(now + 249ms) == 1'800'000'000);
    CHECK(clock.nearest_second(now + 251ms) == 1'800'000'001);
    CHECK(clock.nearest_second(clock.time_of(base::Wall{1'800'003'600s})) == 1'800'003'600);
}

TEST_CASE("a wall clock that is set changes network time by whole seconds, and moves no slot") {
    struct Row {
        base::Milliseconds set_by;
        base::Seconds follows;
    };
    for (const auto& row : {Row{0ms, 0s}, Row{999ms, 0s}, Row{-999ms, 0s}, Row{1000ms, 1s},
                            Row{-1600ms, -2s}, Row{1h + 200ms, 1h}, Row{-24h, -24h}}) {
        CAPTURE(row.set_by.count());
        auto clock = NetworkClock::reading(now, wall);
        const auto zero = clock.zero;
        clock.follow(now + 5s, wall + 5s + row.set_by);
        CHECK((clock.zero == zero));
        CHECK((clock.at(now + 5s) == wall + 5s + row.follows));
    }
}
