#include "tests/lab/experiments/scrapes.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "relay/metrics/publish.hpp"

namespace nightjar::lab::experiments {
namespace {

namespace metrics = relay::metrics;

constexpr double scrapes_per_window = 3600.0 / scrape_seconds;
constexpr double noise_scale = 2048 / 0.3;

double normal(base::Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    return radius * std::cos(2 * std::numbers::pi * random.unit());
}

std::uint64_t draw_count(double mean, double variance, base::Random& random) {
    return static_cast<std::uint64_t>(
        std::max(0.0, std::round(mean + std::sqrt(variance) * normal(random))));
}

/// The density of Laplace noise plus a normal error, up to a constant factor.
double noisy_density(double x, double variance) {
    const double sigma = std::sqrt(variance);
    const double half = sigma / noise_scale;
    const auto side = [&](double y) {
        return std::exp(-y / noise_scale) * std::erfc((half - y / sigma) / std::numbers::sqrt2);
    };
    return side(x) + side(-x);
}

/// How many packets have arrived at a relay by the window's end, and what the window publishes.
double published_packets(std::uint64_t packets, base::Random& random) {
    metrics::Totals totals;
    totals.packets_in = packets;
    const auto window = metrics::publish({}, totals, {}, metrics::standard_window,
                                         {metrics::standard_window, 1}, random);
    return static_cast<double>(window.packets_in);
}

}  // namespace

Arrivals arrivals(attacks::CrowdOptions options) {
    const auto relays =
        options.network.layers * options.network.mixes_per_layer + options.network.gateways;
    const auto seconds = static_cast<std::size_t>(options.seconds);
    Arrivals seen{std::vector(relays, std::vector<double>(seconds)), 0};
    options.traces = false;
    options.seen = [&](const world::OnWire& cell) {
        if (cell.to_number >= relays || cell.cell.kind() != cell::Kind::packet) return;
        const auto at = std::chrono::floor<base::Seconds>(cell.sent - world::World::begin).count();
        if (static_cast<std::size_t>(at) < seconds)
            ++seen.packets[cell.to_number][static_cast<std::size_t>(at)];
    };
    attacks::Crowd crowd{options};
    crowd.run();
    for (const auto& trace : crowd.traces())
        seen.moved += static_cast<double>(trace.moved);
    return seen;
}

Added added_by(attacks::CrowdOptions options) {
    options.clients = 1;
    options.busy_share = 0;
    const auto idle = arrivals(options).packets;
    options.busy_share = 1;
    const auto transfer = arrivals(options);
    const auto& busy = transfer.packets;
    const auto relays = idle.size();
    const auto seconds = idle.front().size();
    Added added{std::vector<double>(relays), std::vector<double>(relays), 0, transfer.moved};
    double most = -1;
    for (std::size_t begin = 0; begin + scrape_seconds <= seconds; ++begin) {
        std::vector<double> burst(relays);
        double sum = 0;
        for (std::size_t r = 0; r < relays; ++r) {
            for (std::size_t s = begin; s < begin + scrape_seconds; ++s)
                burst[r] += busy[r][s] - idle[r][s];
            sum += burst[r];
        }
        if (sum <= most) continue;
        most = sum;
        added.burst = burst;
    }
    for (std::size_t s = 0; s < seconds; ++s) {
        bool differs = false;
        for (std::size_t r = 0; r < relays; ++r) {
            added.whole[r] += busy[r][s] - idle[r][s];
            differs |= busy[r][s] != idle[r][s];
        }
        added.differing += differs ? 1 : 0;
    }
    return added;
}

Background background_of(const Arrivals& seen, std::size_t skipped) {
    Background background;
    for (const auto& relay : seen.packets) {
        std::vector<double> blocks;
        for (auto at = skipped; at + scrape_seconds <= relay.size(); at += scrape_seconds) {
            double sum = 0;
            for (std::size_t s = at; s < at + scrape_seconds; ++s)
                sum += relay[s];
            blocks.push_back(sum);
        }
        double mean = 0;
        for (const auto block : blocks)
            mean += block / static_cast<double>(blocks.size());
        double variance = 0;
        for (const auto block : blocks)
            variance += (block - mean) * (block - mean) / static_cast<double>(blocks.size() - 1);
        background.mean.push_back(mean);
        background.variance.push_back(std::max(variance, 1.0));
    }
    return background;
}

double exact_score(const Background& background, const std::vector<double>& added, bool busy,
                   base::Random& random) {
    double score = 0;
    for (std::size_t r = 0; r < added.size(); ++r) {
        const auto mean = background.mean[r];
        const auto variance = background.variance[r];
        const auto count =
            static_cast<double>(draw_count(mean, variance, random)) + (busy ? added[r] : 0);
        score += added[r] * (count - mean - added[r] / 2) / variance;
    }
    return score;
}

double published_score(const Background& background, const std::vector<double>& added, bool busy,
                       base::Random& random) {
    const double quantum = 1024;
    double score = 0;
    for (std::size_t r = 0; r < added.size(); ++r) {
        const auto mean = background.mean[r] * scrapes_per_window;
        const auto variance = background.variance[r] * scrapes_per_window;
        // Rounding up adds half a quantum in the mean, and the variance of a uniform error.
        const auto centre = mean + quantum / 2;
        const auto spread = variance + quantum * quantum / 12;
        for (const bool first : {true, false}) {
            const auto moved = first && busy ? added[r] : 0;
            const auto count = draw_count(mean + moved, variance, random);
            const auto shown = published_packets(count, random);
            if (!first) continue;  // it says nothing of the transfer, but it is published
            score += std::log(noisy_density(shown - centre - added[r], spread) /
                              noisy_density(shown - centre, spread));
        }
    }
    return score;
}

}  // namespace nightjar::lab::experiments
