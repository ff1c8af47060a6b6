#include "tests/lab/attacks/withhold_forms.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace nightjar::lab::attacks;

TEST_CASE("closed forms of what a withholding attacker wins") {
    CHECK(first_out(20, 0, 0) == doctest::Approx(1));
    CHECK(first_out(20, 0, 20) == doctest::Approx(0.5));
    // To first order in few others: with probability L / mu one is inside and halves the chance, or
    // with L / 2 mu one enters before ours leaves and does the same.
    CHECK(first_out(1, 1e-4, 0) == doctest::Approx(1 - 1e-4 / 2 - 1e-4 / 2).epsilon(1e-6));
    // In a large pool the probability is about one in its size.
    CHECK(first_out(1, 100, 0) == doctest::Approx(0.01).epsilon(0.03));
    CHECK(loopix_success(20, 40, 160, 0.5) == doctest::Approx(20.0 / 120));
    CHECK(loopix_success(20, 40, 160, 1) == doctest::Approx(0.5));
    CHECK(loopix_success(20, 10, 160, 1) == 1);
}
