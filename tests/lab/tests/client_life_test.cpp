// Clients that come and go, and whose clocks are wrong.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab {
namespace {

attacks::CrowdOptions few(double seconds) {
    attacks::CrowdOptions options;
    options.clients = 8;
    options.busy_share = 0;
    options.seconds = seconds;
    return options;
}

TEST_CASE("a client sends from its connect time until it leaves, and not before or after") {
    auto options = few(20);
    options.connects_within = 8;
    options.stays = 6;
    attacks::Crowd crowd{options};
    crowd.run();
    unsigned left = 0;
    for (const auto& trace : crowd.traces()) {
        REQUIRE(!trace.up.empty());
        CHECK(trace.up.front() >= trace.connects);
        CHECK(trace.up.front() < trace.connects + 0.06);
        const auto end = std::min(trace.leaves, options.seconds);
        CHECK(trace.up.back() <= end + 0.001);
        CHECK(trace.up.back() > end - 0.06);
        left += trace.leaves < options.seconds;
    }
    CHECK(left >= 4);
}

TEST_CASE("a clock that runs fast makes more slots in the same time") {
    auto options = few(20);
    attacks::Crowd right{options};
    right.run();
    options.clock_ppm = 50'000;  // up to 5 % fast or slow, so that few slots show it
    options.clock_off = 20;
    attacks::Crowd wrong{options};
    wrong.run();
    double spread = 0;
    for (std::size_t i = 0; i < options.clients; ++i) {
        CHECK(static_cast<double>(right.traces()[i].up.size()) ==
              doctest::Approx(1100).epsilon(0.002));
        spread =
            std::max(spread, std::abs(static_cast<double>(wrong.traces()[i].up.size()) - 1100));
    }
    CHECK(spread > 15);
    CHECK(spread <= 56);
}

}  // namespace
}  // namespace nightjar::lab
