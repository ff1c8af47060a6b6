// Which session gets a main slot, and which slots none gets.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "client/core/slot_shares.hpp"

using namespace nightjar;
using namespace nightjar::client::core;

namespace {

constexpr base::Mono begin{std::chrono::hours{1}};
const directory::Parameters parameters;
const auto gap =
    directory::Rate{parameters.main_slots.milli + parameters.client_loops.milli}.mean_gap();

/// Which gap of slots each session's packets are in. Every eleventh slot is a loop.
std::map<std::optional<SessionHandle>, std::vector<int>> share(
    SlotShares& shares, const std::vector<SlotWeight>& weights, int gaps, int from = 0) {
    std::map<std::optional<SessionHandle>, std::vector<int>> packets;
    for (int i = from; i < from + gaps; ++i)
        if (i % 11 != 5) packets[shares.next(weights, begin + i * gap, parameters)].push_back(i);
    return packets;
}

double variance(const std::vector<double>& values) {
    double sum = 0, squares = 0;
    for (const auto value : values) {
        sum += value;
        squares += value * value;
    }
    const auto n = static_cast<double>(values.size());
    return squares / n - sum / n * (sum / n);
}

/// How many packets there are in each second, or another span of gaps.
std::vector<double> counts(const std::vector<int>& packets, int gaps, int span) {
    std::vector<double> counts(static_cast<std::size_t>(gaps / span));
    for (const auto packet : packets)
        if (packet / span < gaps / span) ++counts[static_cast<std::size_t>(packet / span)];
    return counts;
}

}  // namespace

TEST_CASE("slot shares: sessions get slots by their weights, and one in sixteen is spare") {
    base::SeededRandom random{1};
    SlotShares shares{random};
    const int gaps = 55 * 2000;
    auto packets = share(shares, {{1, 15'000}, {2, 30'000}}, gaps);
    const auto main = gaps * 10 / 11.0;
    CHECK(static_cast<double>(packets[1].size()) / main ==
          doctest::Approx(15 / 48.0).epsilon(0.01));
    CHECK(static_cast<double>(packets[2].size()) / main ==
          doctest::Approx(30 / 48.0).epsilon(0.01));
    CHECK(static_cast<double>(packets[std::nullopt].size()) / main ==
          doctest::Approx(3 / 48.0).epsilon(0.02));
}

TEST_CASE("slot shares: what one session gets says nothing of what another gets") {
    base::SeededRandom random{2};
    SlotShares shares{random};
    const int gaps = 55 * 4000;
    auto packets = share(shares, {{1, 15'000}, {2, 30'000}}, gaps);
    // Two sessions that share all slots would have a correlation of -1. What is left comes from
    // requests that wait for each other, and mixes hide it.
    for (const int span : {55, 220, 1100}) {
        const auto one = counts(packets[1], gaps, span), two = counts(packets[2], gaps, span);
        std::vector<double> both;
        for (std::size_t i = 0; i < one.size(); ++i)
            both.push_back(one[i] + two[i]);
        const auto a = variance(one), b = variance(two);
        const auto correlation = (variance(both) - a - b) / 2 / std::sqrt(a * b);
        INFO(span);
        CHECK(std::abs(correlation) < 0.25);
    }
}

TEST_CASE("slot shares: a session's packets come at moments that nothing else predicts") {
    base::SeededRandom random{3};
    SlotShares shares{random};
    const int gaps = 55 * 2000;
    auto packets = share(shares, {{1, 45'000}}, gaps);
    // A session that has all slots of its client varies too, so a missing packet does not show. Its
    // number of packets in a minute varies by more than the one packet of a fixed beat.
    const auto of_minutes = counts(packets[1], gaps, 55 * 60);
    CHECK(std::sqrt(variance(of_minutes)) > 5);
}

TEST_CASE("slot shares: time without slots is not made up") {
    base::SeededRandom random{4};
    SlotShares shares{random};
    share(shares, {{1, 15'000}, {2, 30'000}}, 5500);
    auto packets = share(shares, {{1, 15'000}, {2, 30'000}}, 110, 5500 + 550);
    CHECK(packets[1].size() + packets[2].size() + packets[std::nullopt].size() == 100);
    CHECK(packets[std::nullopt].size() >= 2);
    // A clock that was set back stops nothing.
    packets = share(shares, {{1, 15'000}, {2, 30'000}}, 110, 0);
    CHECK(packets[2].size() > 50);
}

TEST_CASE("slot shares: a session that comes later does not begin in step with one that is there") {
    std::vector<double> firsts;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        base::SeededRandom random{seed};
        SlotShares shares{random};
        auto packets = share(shares, {{1, 15'000}, {2, 15'000}, {3, 15'000}}, 100);
        firsts.push_back(packets[1].front() - packets[2].front());
    }
    CHECK(std::count_if(firsts.begin(), firsts.end(), [](double d) { return d > 0; }) > 150);
    CHECK(std::count_if(firsts.begin(), firsts.end(), [](double d) { return d < 0; }) > 150);
    CHECK(std::sqrt(variance(firsts)) > 1);
}
