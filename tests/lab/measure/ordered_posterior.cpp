#include <algorithm>
#include <cmath>

#include "tests/lab/measure/posterior.hpp"

namespace nightjar::lab::measure {
namespace {

constexpr double negligible = 1e-12;

/// The logarithm of n!, from a table that grows on demand.
double log_factorial(std::size_t n) {
    static std::vector<double> known{0};
    while (known.size() <= n)
        known.push_back(known.back() + std::log(static_cast<double>(known.size())));
    return known[n];
}
double log_choose(std::size_t n, std::size_t k) {
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/// Calls each(b, probability) for choosing b of `older` and chosen - b of `newer`. `scale` is the
/// logarithm of one over the number of all choices.
template <class Each>
void each_split(std::size_t older, std::size_t newer, std::size_t chosen, double scale,
                const Each& each) {
    if (chosen > older + newer) return;
    auto b = chosen > newer ? chosen - newer : 0;
    auto chance = std::exp(log_choose(older, b) + log_choose(newer, chosen - b) + scale);
    for (;; ++b) {
        each(b, chance);
        if (b == older || b == chosen) return;
        chance *= static_cast<double>((older - b) * (chosen - b)) /
                  static_cast<double>((b + 1) * (newer + b + 1 - chosen));
    }
}

/// The state of the recursion: the target is inside, with a given number of older packets.
struct Inside {
    std::vector<double> by_older;
    std::vector<double> next, at_place;

    /// One tick: the probability of each place in it, and the state afterwards.
    void step(std::size_t pool, std::size_t leave) {
        next.assign(by_older.size(), 0);
        at_place.assign(leave, 0);
        const auto scale = -log_choose(pool, leave);
        for (std::size_t older = 0; older < by_older.size(); ++older) {
            const auto here = by_older[older];
            if (here < negligible || older >= pool) continue;
            const auto newer = pool - 1 - older;
            each_split(older, newer, leave, scale,
                       [&](std::size_t b, double chance) { next[older - b] += here * chance; });
            each_split(older, newer, leave - 1, scale,
                       [&](std::size_t b, double chance) { at_place[b] += here * chance; });
        }
        by_older.swap(next);
        while (!by_older.empty() && by_older.back() < negligible)
            by_older.pop_back();
    }
};

}  // namespace

Target ordered_posterior(const RelayTrace& trace, std::size_t target) {
    const auto arrived = trace.arrivals[target];
    std::size_t tick = 0, left = 0;
    for (; tick < trace.ticks.size() && trace.ticks[tick].at < arrived; ++tick)
        left += trace.ticks[tick].packets;
    Inside inside;
    inside.by_older.assign(target - left + 1, 0);
    inside.by_older.back() = 1;
    Target seen;
    auto count = target;
    for (; tick < trace.ticks.size() && !inside.by_older.empty(); ++tick) {
        while (count < trace.arrivals.size() && trace.arrivals[count] <= trace.ticks[tick].at)
            ++count;
        const auto leave = trace.ticks[tick].packets;
        inside.step(count - left, leave);
        left += leave;
        for (const auto chance : inside.at_place) {
            if (chance > 0) seen.entropy_bits -= chance * std::log2(chance);
            seen.best_guess = std::max(seen.best_guess, chance);
        }
        if (trace.truth[target].tick == tick)
            seen.surprise_bits =
                -std::log2(std::max(negligible, inside.at_place[trace.truth[target].place]));
    }
    return seen;
}

Estimates observe(const RelayTrace& trace, std::size_t edge, std::size_t count) {
    const auto exact = posterior(trace);
    const auto step = (exact.size() - 2 * edge) / count;
    Estimates made;
    const auto share = 1 / static_cast<double>(count);
    for (std::size_t k = 0; k < count; ++k) {
        const auto at = edge + k * step;
        const auto ordered = ordered_posterior(trace, at);
        made.any_order += share * exact[at].entropy_bits;
        made.surprise_any_order += share * exact[at].surprise_bits;
        made.in_order += share * ordered.entropy_bits;
        made.surprise_in_order += share * ordered.surprise_bits;
    }
    return made;
}

}  // namespace nightjar::lab::measure
