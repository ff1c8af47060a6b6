#include "tests/lab/attacks/exposure.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace nightjar::lab::attacks;

TEST_CASE("without fixed hops every packet takes the same chance: 1 - (1 - f^3)^m") {
    // When Mixnets Fail (NDSS 2026): a tenth bad, 1,000 packets.
    const auto risk = RouteRisk::of({0.1, 0.1, 0.1}, 0, 100, 600);
    CHECK(session_exposed(risk, 10) == doctest::Approx(1 - std::pow(1 - 1e-3, 1000)).epsilon(1e-3));
    CHECK(median_exposure_s(risk) == doctest::Approx(std::log(2) / (100 * 1e-3)));
    // Without fixed hops, sessions make no difference.
    CHECK(exposed_within(risk, 6000) == doctest::Approx(1 - std::exp(-600.0)));
}

TEST_CASE("a kept hop is bad for a whole session or not at all") {
    const auto risk = RouteRisk::of({0.1, 0.1, 0.1}, 1, 100, 600);
    CHECK(risk.kept == doctest::Approx(0.1));
    CHECK(risk.drawn == doctest::Approx(0.01));
    CHECK(session_exposed(risk, 600) == doctest::Approx(0.1));  // 600 bad routes expected
    CHECK(exposed_within(risk, 1200) == doctest::Approx(1 - 0.9 * 0.9));
    CHECK(median_exposure_s(risk) / 600 == doctest::Approx(6).epsilon(0.02));  // 0.9^6 = 0.53
    const auto all = RouteRisk::of({0.1, 0.1, 0.1}, 3, 100, 600);
    CHECK(session_exposed(all, 600) == doctest::Approx(1e-3));
    CHECK(exposed_within(all, 600 * 144) == doctest::Approx(1 - std::pow(0.999, 144)));
}

TEST_CASE("the middle layer is kept first") {
    CHECK(RouteRisk::of({0.2, 0.1, 0.3}, 1, 1, 1).kept == doctest::Approx(0.1));
    CHECK(RouteRisk::of({0.2, 0.1, 0.3}, 2, 1, 1).kept == doctest::Approx(0.02));
    CHECK(RouteRisk::of({0.2, 0.1, 0.3}, 2, 1, 1).drawn == doctest::Approx(0.3));
}

TEST_CASE(
    "where no mix is bad there is no median, and where relays are bad by chance some are so") {
    CHECK(std::isinf(median_exposure_s(RouteRisk::of({0, 0.1, 0.1}, 0, 95, 600))));
    // With one mix per layer, either all three are bad or the client is never exposed.
    CHECK(exposed_within_independent(1, 0.2, 0, 100, 600, 1e7) == doctest::Approx(0.008));
    // In large layers the share of bad relays is almost exact.
    CHECK(exposed_within_independent(1000, 0.2, 1, 95, 600, 600) ==
          doctest::Approx(exposed_within(RouteRisk::of({0.2, 0.2, 0.2}, 1, 95, 600), 600))
              .epsilon(0.02));
}
