#include "tests/lab/measure/spectral_bound.hpp"

#include <doctest/doctest.h>

namespace nightjar::lab::measure {
namespace {

/// A session's ticks at `pace`, as a gateway sees them among all deliveries to its client.
Beat ticks(double pace) {
    return {.rate = pace,
            .gap = 1 / pace,
            .jitter = 0.1,
            .hops = 3,
            .mean_delay = 0.05,
            .others = 50 - pace};
}

TEST_CASE("slow beats and long watches give more away") {
    double before = 0;
    for (const double pace : {45.0, 15.0, 7.5, 3.5}) {
        const auto deflection = unordered_deflection(ticks(pace));
        CHECK(deflection > 2 * before);
        CHECK(auc_of(deflection, 600) > auc_of(deflection, 120));
        before = deflection;
    }
    CHECK(auc_of(0, 3600) == doctest::Approx(0.5));
}

TEST_CASE("a route of many delays hides the phase of a fast beat, and a slow one shows it") {
    auto still = ticks(45);
    still.jitter = 0;  // only the phase is left
    CHECK(auc_of(unordered_deflection(still), 3600) < 0.56);
    still = ticks(7.5);
    still.jitter = 0;
    CHECK(auc_of(unordered_deflection(still), 3600) > 0.99);
}

TEST_CASE("numbers tell many times more than times without an order") {
    const Beat slots{.rate = 50, .gap = 1 / 55.0, .jitter = 0.1, .hops = 4, .mean_delay = 0.05};
    const auto ratio = numbered_deflection(slots) / unordered_deflection(slots);
    CHECK(ratio > 12);
    CHECK(ratio < 25);
    CHECK(auc_of(numbered_deflection(slots), 600) == doctest::Approx(0.82).epsilon(0.02));
}

}  // namespace
}  // namespace nightjar::lab::measure
