// A rate in common: bounded in total, and no sharer loses its part to others.
#include "sphinx/base/shared_rate.hpp"

#include <doctest/doctest.h>

using namespace nightjar::base;
using namespace std::chrono_literals;

namespace {

constexpr Mono start{1000s};
constexpr double rate = 100;
constexpr double burst = 2000;

int take(SharedRate& shared, SharedRate::Sharer sharer, int tries, Mono at, double part = 0.1) {
    int taken = 0;
    for (int i = 0; i < tries; ++i)
        taken += shared.take(sharer, part, at) ? 1 : 0;
    return taken;
}

}  // namespace

TEST_CASE("shared rate: one sharer may use what is free, but not the others' reserve") {
    SharedRate shared{rate, burst, start};
    // Half of the burst is free; a tenth of the other half is its own, and spent by then.
    CHECK(take(shared, 1, 5000, start) == 1000);
    CHECK(take(shared, 2, 5000, start) == 100);
    CHECK(take(shared, 3, 5000, start) == 100);
    // Then each has a tenth of the rate, and what makes the reserve whole is kept.
    CHECK(take(shared, 1, 5000, start + 1s) == 10);
    CHECK(take(shared, 2, 5000, start + 1s) == 10);
    CHECK(take(shared, 1, 5000, start) == 0);
}

TEST_CASE("shared rate: together they never take more than the burst and the rate") {
    SharedRate shared{rate, burst, start};
    int taken = 0;
    for (int ms = 0; ms <= 100'000; ms += 10)
        for (SharedRate::Sharer sharer = 0; sharer < 10; ++sharer)
            taken += take(shared, sharer, 5, start + Milliseconds{ms});
    CHECK(taken <= 2000 + 100 * 100);
    CHECK(taken >= 100 * 100);
}

TEST_CASE("shared rate: one of N sharers takes nothing from others that keep to their part") {
    SharedRate shared{rate, burst, start};
    int refused = 0, flooded = 0;
    for (int ms = 0; ms < 600'000; ms += 100) {
        const auto now = start + Milliseconds{ms};
        flooded += take(shared, 0, 1000, now);
        // 9 to 10 a second each, in bursts of up to 90; some come late to the party.
        for (SharedRate::Sharer sharer = 1; sharer < 10; ++sharer) {
            if (ms < 60'000 && sharer > 5) continue;
            if ((ms / 100 + static_cast<int>(sharer)) % 100 == 0)
                refused += 90 - take(shared, sharer, 90, now);
        }
        flooded += take(shared, 0, 1000, now);
    }
    CHECK(refused == 0);
    CHECK(flooded >= 6000);
    // Its part, the free half, and what the others leave.
    CHECK(flooded <= 1000 + 600 * 100 - 9 * 9 * 540);
}

TEST_CASE("shared rate: a new part holds at once, and sharers that are forgotten are new") {
    SharedRate shared{rate, burst, start};
    CHECK(take(shared, 1, 5000, start, 0.5) == 1000);
    CHECK(take(shared, 2, 5000, start, 0.5) == 500);
    CHECK(take(shared, 1, 5000, start + 1s, 0.5) == 50);
    CHECK(take(shared, 1, 5000, start + 2s, 0.1) == 10);
    shared.forget_sharers();
    CHECK(take(shared, 1, 5000, start + 2s, 0.1) <= 200);
}
