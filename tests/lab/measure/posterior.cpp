#include "tests/lab/measure/posterior.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace nightjar::lab::measure {
namespace {

/// The coefficients up to x^degree of the product of (1 + odds_i x) over all i except `left_out`.
std::vector<double> symmetric(std::span<const double> odds, std::size_t degree,
                              std::size_t left_out) {
    std::vector<double> e(degree + 1);
    e[0] = 1;
    for (std::size_t i = 0; i < odds.size(); ++i)
        if (i != left_out)
            for (std::size_t k = degree; k > 0; --k)
                e[k] += odds[i] * e[k - 1];
    return e;
}

/// For each k, the number of ways to choose leave - k of the old packets, up to a common factor.
std::vector<double> old_choices(std::size_t old_count, std::size_t degree, std::size_t leave) {
    std::vector<double> ways(degree + 1);
    const auto first = leave > old_count ? leave - old_count : 0;
    assert(first <= degree);
    ways[first] = 1;
    for (auto k = first; k < degree; ++k)
        ways[k + 1] = ways[k] * static_cast<double>(leave - k) /
                      static_cast<double>(old_count + k + 1 - leave);
    return ways;
}

double log2_or_zero(double p) {
    return p > 0 ? std::log2(p) : 0;
}

/// What one tick implies for the packets that were inside before it.
struct Step {
    double chance = 0;       // probability of an old packet to leave in it
    std::uint32_t pool = 0;  // packets inside at the tick
};
/// An arrival's first tick.
struct First {
    std::uint32_t tick = 0;
    double chance = 0;
};

struct Story {
    std::vector<Step> steps;
    std::vector<First> firsts;
};

Story read(const RelayTrace& trace) {
    Story story;
    story.firsts.reserve(trace.arrivals.size());
    std::size_t inside = 0, next = 0;
    const auto mean = static_cast<double>(trace.mean.count());
    const auto odds_of = [mean](base::Nanoseconds there) {
        return std::expm1(static_cast<double>(there.count()) / mean);
    };
    std::vector<double> fresh;
    for (std::uint32_t j = 0; j < trace.ticks.size(); ++j) {
        const auto& tick = trace.ticks[j];
        const auto begin = next;
        fresh.clear();
        for (; next < trace.arrivals.size() && trace.arrivals[next] <= tick.at; ++next) {
            const auto there = tick.at - trace.arrivals[next];
            // In whole nanoseconds a packet can arrive at the very time of its departure.
            if (trace.tick.count() > 0 && there < trace.tick)
                fresh.push_back(std::max(odds_of(there) / odds_of(trace.tick), 1e-9));
            else
                ++inside;
        }
        const auto now = chances(inside, fresh, tick.packets);
        const auto old_arrivals = next - begin - fresh.size();
        for (std::size_t i = 0; i < old_arrivals; ++i)
            story.firsts.push_back({j, now.old});
        for (const auto chance : now.fresh)
            story.firsts.push_back({j, chance});
        inside += fresh.size();
        story.steps.push_back({now.old, static_cast<std::uint32_t>(inside)});
        inside -= tick.packets;
    }
    return story;
}

/// Prepends a tick in which the target leaves with probability `chance`, as one of `packets`.
Target before(const Target& rest, double chance, double packets) {
    const auto stays = 1 - chance;
    Target target;
    target.entropy_bits = -chance * log2_or_zero(chance / packets) - stays * log2_or_zero(stays) +
                          stays * rest.entropy_bits;
    target.best_guess = std::max(chance / packets, stays * rest.best_guess);
    return target;
}

}  // namespace

Chances chances(std::size_t old_count, std::span<const double> fresh_odds, std::size_t leave) {
    assert(leave > 0 && leave <= old_count + fresh_odds.size());
    const auto pool = static_cast<double>(old_count);
    if (fresh_odds.empty()) return {static_cast<double>(leave) / pool, {}};
    const auto degree = std::min(leave, fresh_odds.size());
    const auto ways = old_choices(old_count, degree, leave);
    const auto all = symmetric(fresh_odds, degree, fresh_odds.size());
    double sum = 0, old_ones = 0;
    for (std::size_t k = 0; k <= degree; ++k) {
        sum += ways[k] * all[k];
        old_ones += ways[k] * all[k] * static_cast<double>(leave - k);
    }
    Chances made;
    if (old_count > 0) made.old = std::min(1.0, old_ones / (sum * pool));
    for (std::size_t i = 0; i < fresh_odds.size(); ++i) {
        const auto others = symmetric(fresh_odds, degree, i);
        double with = 0;
        for (std::size_t k = 1; k <= degree; ++k)
            with += ways[k] * others[k - 1];
        made.fresh.push_back(std::min(1.0, fresh_odds[i] * with / sum));
    }
    return made;
}

std::vector<Target> posterior(const RelayTrace& trace) {
    const auto story = read(trace);
    const auto ticks = trace.ticks.size();
    // For each tick j, from the last to the first: the result for a target that is inside and old
    // before it. Also the logarithm of the probability to have stayed through all ticks before j.
    // If all packets leave in a tick, no target stays, and no true path leads past it.
    std::vector<Target> from(ticks + 1);
    from[ticks].best_guess = 1;
    std::vector<double> stayed(ticks + 1);
    for (auto j = ticks; j-- > 0;)
        from[j] = before(from[j + 1], story.steps[j].chance, trace.ticks[j].packets);
    for (std::size_t j = 0; j < ticks; ++j)
        stayed[j + 1] = stayed[j] + log2_or_zero(1 - story.steps[j].chance);
    std::vector<Target> targets;
    targets.reserve(story.firsts.size());
    for (std::size_t i = 0; i < story.firsts.size(); ++i) {
        const auto [first, chance] = story.firsts[i];
        auto target = before(from[first + 1], chance, trace.ticks[first].packets);
        const auto left = trace.truth[i].tick;
        target.pool = story.steps[left].pool;
        const double places = trace.ticks[left].packets;
        if (left == first)
            target.surprise_bits = -std::log2(chance / places);
        else
            target.surprise_bits = -log2_or_zero(1 - chance) - (stayed[left] - stayed[first + 1]) -
                                   std::log2(story.steps[left].chance / places);
        targets.push_back(target);
    }
    return targets;
}

double density_bits(const RelayTrace& trace, std::size_t target,
                    const std::function<double(double)>& delay_cdf) {
    const auto arrived = trace.arrivals[target];
    auto tick = std::lower_bound(trace.ticks.begin(), trace.ticks.end(), arrived,
                                 [](const auto& one, base::Mono at) { return one.at < at; });
    double sum = 0, weighted = 0;
    for (; tick != trace.ticks.end(); ++tick) {
        const auto latest = base::to_seconds(tick->at - arrived);
        const auto earliest = std::max(0.0, latest - base::to_seconds(trace.tick));
        const auto weight = delay_cdf(latest) - delay_cdf(earliest);
        if (weight <= 0 && delay_cdf(earliest) >= 1) break;
        sum += tick->packets * weight;
        if (weight > 0) weighted += tick->packets * weight * std::log2(weight);
    }
    return sum > 0 ? std::log2(sum) - weighted / sum : 0;
}

}  // namespace nightjar::lab::measure
