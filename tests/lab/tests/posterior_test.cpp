#include "tests/lab/measure/posterior.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "tests/lab/attacks/held_times.hpp"
#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/measure/statistics.hpp"

using namespace nightjar;
using namespace nightjar::lab::attacks;
using namespace nightjar::lab::measure;
using namespace std::chrono_literals;
using doctest::Approx;

namespace {

constexpr base::Mono start{1h};

double leaves_between(const RelayTrace& trace, base::Mono arrived, base::Mono from, base::Mono to) {
    const auto stays = [&](base::Mono at) {
        return at <= arrived
                   ? 1.0
                   : std::exp(-base::to_seconds(at - arrived) / base::to_seconds(trace.mean));
    };
    return stays(from) - stays(to);
}

/// The target's probabilities for each tick and place, by brute force: enumerates all assignments
/// of arrivals to ticks, each with its likelihood under exponential delays.
struct Enumerated {
    const RelayTrace& trace;
    std::size_t target;
    bool in_order;
    std::map<std::pair<std::size_t, std::size_t>, double> weight = {};  // by tick and place
    std::vector<std::size_t> tick_of = {};

    void give(std::size_t arrival, std::vector<std::uint32_t>& room, double likelihood) {
        if (arrival == trace.arrivals.size()) return finish(likelihood);
        for (std::size_t j = 0; j < trace.ticks.size(); ++j) {
            const auto at = trace.ticks[j].at;
            if (room[j] == 0 || at < trace.arrivals[arrival]) continue;
            --room[j];
            tick_of.push_back(j);
            give(arrival + 1, room,
                 likelihood * leaves_between(trace, trace.arrivals[arrival], at - trace.tick, at));
            tick_of.pop_back();
            ++room[j];
        }
    }
    void finish(double likelihood) {
        const auto tick = tick_of[target];
        if (in_order) {
            const auto place =
                std::count(tick_of.begin(), tick_of.begin() + std::ptrdiff_t(target), tick);
            weight[{tick, static_cast<std::size_t>(place)}] += likelihood;
            return;
        }
        for (std::size_t place = 0; place < trace.ticks[tick].packets; ++place)
            weight[{tick, place}] += likelihood / trace.ticks[tick].packets;
    }
    std::vector<double> run() {
        std::vector<std::uint32_t> room;
        for (const auto& tick : trace.ticks)
            room.push_back(tick.packets);
        give(0, room, 1);
        std::vector<double> all;
        double sum = 0;
        for (const auto& one : weight)
            sum += one.second;
        for (auto& one : weight)
            all.push_back(one.second /= sum);
        return all;
    }
};

/// Arrivals with delays of mean 5 ms and their ticks, all within a few milliseconds: every tick has
/// packets that arrived just before it.
RelayTrace small_trace(std::uint64_t seed, bool fresh) {
    base::SeededRandom random{seed};
    RelayTrace trace{.mean = 5ms, .tick = 1ms, .arrivals = {}, .ticks = {}, .truth = {}};
    constexpr std::size_t count = 7;
    for (std::size_t i = 0; i < count; ++i)
        trace.arrivals.push_back(start + (fresh ? random.below(6'000'000) : i) * 1ns);
    std::sort(trace.arrivals.begin(), trace.arrivals.end());
    std::map<base::Mono, std::vector<std::size_t>> ticks;
    for (std::size_t i = 0; i < count; ++i) {
        const auto due = trace.arrivals[i] + random.exponential(5ms) + (fresh ? 0ms : 1ms);
        ticks[base::Mono{std::chrono::ceil<base::Milliseconds>(due.time_since_epoch())}].push_back(
            i);
    }
    trace.truth.resize(count);
    for (const auto& [at, numbers] : ticks) {
        for (std::uint32_t place = 0; place < numbers.size(); ++place)
            trace.truth[numbers[place]] = {static_cast<std::uint32_t>(trace.ticks.size()), place};
        trace.ticks.push_back({at, static_cast<std::uint32_t>(numbers.size())});
    }
    return trace;
}

}  // namespace

TEST_CASE("posterior: chances within a tick are those of all choices of who leaves") {
    const std::vector<double> fresh{0.9, 0.5, 0.1};
    for (std::size_t old_count = 0; old_count <= 4; ++old_count)
        for (std::size_t leave = 1; leave <= old_count + fresh.size(); ++leave) {
            CAPTURE(old_count);
            CAPTURE(leave);
            std::vector<double> odds(old_count, 1.0);
            odds.insert(odds.end(), fresh.begin(), fresh.end());
            std::vector<double> chance(odds.size());
            double sum = 0;
            for (unsigned chosen = 0; chosen < 1u << odds.size(); ++chosen) {
                if (static_cast<std::size_t>(std::popcount(chosen)) != leave) continue;
                double weight = 1;
                for (std::size_t i = 0; i < odds.size(); ++i)
                    if (chosen >> i & 1) weight *= odds[i];
                sum += weight;
                for (std::size_t i = 0; i < odds.size(); ++i)
                    if (chosen >> i & 1) chance[i] += weight;
            }
            const auto made = chances(old_count, fresh, leave);
            if (old_count > 0) CHECK(made.old == Approx(chance[0] / sum));
            for (std::size_t i = 0; i < fresh.size(); ++i)
                CHECK(made.fresh[i] == Approx(chance[old_count + i] / sum));
        }
}

TEST_CASE("posterior: entropy, guess and surprise are those of all matchings") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto trace = small_trace(seed, true);
        const auto targets = posterior(trace);
        REQUIRE(targets.size() == trace.arrivals.size());
        for (std::size_t i = 0; i < targets.size(); ++i) {
            Enumerated all{trace, i, false};
            const auto chance = all.run();
            CHECK(targets[i].entropy_bits == Approx(entropy_bits(chance)));
            CHECK(targets[i].best_guess == Approx(*std::max_element(chance.begin(), chance.end())));
            const auto truth = all.weight.at({trace.truth[i].tick, trace.truth[i].place});
            CHECK(targets[i].surprise_bits == Approx(-std::log2(truth)));
        }
    }
}

TEST_CASE("posterior: with ticks in order of arrival it is that of all matchings as well") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto trace = small_trace(seed, false);  // nothing arrives just before a tick
        for (std::size_t i = 0; i < trace.arrivals.size(); ++i) {
            Enumerated all{trace, i, true};
            const auto chance = all.run();
            const auto seen = ordered_posterior(trace, i);
            CHECK(seen.entropy_bits == Approx(entropy_bits(chance)));
            CHECK(seen.best_guess == Approx(*std::max_element(chance.begin(), chance.end())));
            const auto truth = all.weight.at({trace.truth[i].tick, trace.truth[i].place});
            CHECK(seen.surprise_bits == Approx(-std::log2(truth)));
        }
    }
}

TEST_CASE("posterior: of the ideal mix it has the published entropy, guess and lonely share") {
    struct Case {
        double load, bits, alone, best_guess;
    };
    // Published values for Danezis' mix, from another simulation.
    const Case cases[] = {{0.5, 0.87, 0.60, 0.66}, {1, 1.50, 0.37, 0.50}, {2, 2.40, 0.14, 0.34},
                          {5, 3.77, 0.007, 0.165}, {10, 4.76, 0, 0.092},  {20, 5.75, 0, 0.048},
                          {50, 7.08, 0, 0.020}};
    for (const auto& c : cases) {
        CAPTURE(c.load);
        const std::size_t edge = 1000, count = 40'000;
        const auto targets = posterior(ideal(poisson(1, c.load / 0.05, count + 2 * edge)));
        double bits = 0, alone = 0, guess = 0;
        for (std::size_t i = edge; i < edge + count; ++i) {
            bits += targets[i].entropy_bits / count;
            alone += (targets[i].pool == 1 ? 1.0 : 0.0) / count;
            guess += targets[i].best_guess / count;
        }
        CHECK(std::abs(bits - c.bits) < 0.05);
        CHECK(std::abs(alone - c.alone) < 0.015);
        CHECK(std::abs(guess - c.best_guess) < 0.01);
        if (c.load >= 5) CHECK(std::abs(bits - std::log2(std::exp(1.0) * c.load)) < 0.05);
    }
}

TEST_CASE("posterior: the estimate by density is near it for the exponential law") {
    const auto traffic = poisson(2, 1000, 12'000);
    const auto driven = drive(traffic, traffic.capped, 2);
    const auto exact = posterior(driven.trace);
    double by_density = 0, by_pool = 0;
    for (std::size_t i = 2000; i < 10'000; ++i) {
        by_pool += exact[i].entropy_bits / 8000;
        by_density +=
            density_bits(driven.trace, i, [](double s) { return law_cdf(1e3 * s); }) / 8000;
    }
    CHECK(std::abs(by_density - by_pool) < 0.1);
}
