#include "relay/authority/core/weights.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sphinx/directory/relay_fields.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

struct Said {
    std::uint8_t layer;  // 0: a gateway
    std::uint32_t bound, announced;
    bool open = false;
};

std::vector<std::uint32_t> weights(const std::vector<Said>& all) {
    base::SeededRandom random{1};
    std::vector<directory::Relay> relays;
    for (const auto& said : all) {
        relays.push_back(test::random_relay(random, said.layer));
        relays.back().capacity = said.bound;
    }
    std::vector<Offer> offers;
    for (std::size_t i = 0; i < all.size(); ++i)
        offers.push_back({&relays[i], all[i].announced, all[i].open});
    set_weights(offers);
    std::vector<std::uint32_t> given;
    for (const auto& relay : relays)
        given.push_back(relay.capacity);
    return given;
}

constexpr auto no_bound = directory::capacity_max;

}  // namespace

TEST_CASE("weights: what a relay announces, below the authorities' bound") {
    CHECK(weights({{1, no_bound, 20'000}, {2, 500, 20'000}, {3, no_bound, 30'000}}) ==
          std::vector<std::uint32_t>{20'000, 500, 30'000});
    CHECK(weights({{1, 1, 20'000}, {2, 1, 1}, {3, 1, 900'000}}) ==
          std::vector<std::uint32_t>{1, 1, 1});
    CHECK(weights({}).empty());
    CHECK(weights({{0, no_bound, no_bound}}) == std::vector<std::uint32_t>{no_bound});
}

TEST_CASE("weights: a lie gains at most twice the median of the relay's role") {
    CHECK(weights({{1, no_bound, 10'000},
                   {2, no_bound, 20'000},
                   {3, no_bound, no_bound},
                   {0, no_bound, 100},
                   {0, no_bound, 200},
                   {0, no_bound, 300},
                   {0, no_bound, no_bound}}) ==
          std::vector<std::uint32_t>{10'000, 20'000, 40'000, 100, 200, 300, 400});
    // Of two the lower is the median: the larger one alone moves nothing.
    CHECK(weights({{0, no_bound, 10}, {0, no_bound, no_bound}}) ==
          std::vector<std::uint32_t>{10, 20});
}

TEST_CASE("weights: relays that no operator admitted move no median, and weigh no more than it") {
    CHECK(weights({{0, no_bound, 10'000},
                   {0, no_bound, 30'000},
                   {0, 1, no_bound, true},
                   {0, 1, no_bound, true},
                   {0, 1, no_bound, true},
                   {0, 1, 500, true}}) ==
          std::vector<std::uint32_t>{10'000, 20'000, 10'000, 10'000, 10'000, 500});
    CHECK(weights({{0, no_bound, 10'000}, {1, 1, no_bound, true}}) ==
          std::vector<std::uint32_t>{10'000, 1});
}

TEST_CASE("weights: the share of all choices that liars gain, as the threat model says") {
    // A tenth of 100 relays announces all that a descriptor can.
    std::vector<Said> all(100, Said{0, no_bound, 20'000});
    for (std::size_t i = 0; i < 10; ++i)
        all[i].announced = no_bound;
    double lied = 0, whole = 0;
    const auto given = weights(all);
    for (std::size_t i = 0; i < given.size(); ++i) {
        whole += given[i];
        if (i < 10) lied += given[i];
    }
    CHECK(lied / whole == doctest::Approx(20.0 / 110));
}
