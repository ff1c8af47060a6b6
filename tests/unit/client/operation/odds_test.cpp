#include "client/operation/odds.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "client/operation/state.hpp"
#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::client::operation;

namespace {

constexpr base::Seconds day{86'400};
const base::Wall now{base::Seconds{1'800'000'000}};

}  // namespace

TEST_CASE("odds: a place has one relay until its time ends, and then one after the other") {
    const auto after = [](int days) {
        return relays_in_turn(now + 10 * day, now, days * day, 42 * day, 84 * day);
    };
    CHECK(after(0) == 1);
    CHECK(after(9) == 1);
    CHECK(after(10) == 2);
    CHECK(after(73) == doctest::Approx(3));
}

TEST_CASE("odds: of relays that are kept now, and of those that take their place") {
    const KeptUntil kept{.gateway = now + 45 * day,
                         .exits = {now + 63 * day, now + 63 * day, now + 63 * day},
                         .mixes = {now + 20 * day}};
    const auto today = odds_after(kept, now, day, 0.05);
    CHECK(today.gateway == doctest::Approx(0.05));
    CHECK(today.exit == doctest::Approx(1 - std::pow(0.95, 3)));
    CHECK(today.both == doctest::Approx(today.gateway * today.exit));
    CHECK(today.route == doctest::Approx(today.both * 0.05));
    // The laboratory, whose relays are down now and then, has 13 % and 28 % (docs/anonymity.md, row
    // 36).
    CHECK(today.exit == doctest::Approx(0.14).epsilon(0.03));
    CHECK(odds_after(kept, now, 90 * day, 0.05).exit == doctest::Approx(0.31).epsilon(0.03));
}

TEST_CASE("odds: as many clients that draw their relays have") {
    base::SeededRandom random{1};
    const auto until = now + 20 * day;
    constexpr int clients = 20'000;
    int with_a_bad_one = 0;
    for (int client = 0; client < clients; ++client) {
        bool bad = random.below(10) == 0;
        for (auto at = until; at <= now + 365 * day;) {
            bad = bad || random.below(10) == 0;
            at += gateway_kept_min + base::Seconds{random.below(static_cast<std::uint64_t>(
                                         (gateway_kept_max - gateway_kept_min).count()))};
        }
        with_a_bad_one += bad ? 1 : 0;
    }
    const auto estimate =
        odds_after({.gateway = until, .exits = {}, .mixes = {}}, now, 365 * day, 0.1).gateway;
    CHECK(static_cast<double>(with_a_bad_one) / clients == doctest::Approx(estimate).epsilon(0.04));
}
