#include "tests/lab/experiments/scrapes.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "relay/metrics/publish.hpp"

namespace nightjar::lab::experiments {
namespace {

namespace metrics = relay::metrics;

constexpr double scrapes_per_window = 3600.0 / scrape_seconds;

/// What a packet costs a relay's processor, in ms, where it costs most: 60 packets a second
/// (docs/performance.md). A reader gains most from a processor that does nothing else, so that its
/// time follows the packets exactly.
constexpr double ms_per_packet = 0.25;

double normal(base::Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    return radius * std::cos(2 * std::numbers::pi * random.unit());
}

std::uint64_t draw_count(double mean, double variance, base::Random& random) {
    return static_cast<std::uint64_t>(
        std::max(0.0, std::round(mean + std::sqrt(variance) * normal(random))));
}

/// The density of Laplace noise of this scale plus a normal error, up to a constant factor.
double noisy_density(double x, double variance, double scale) {
    const double sigma = std::sqrt(variance);
    const double half = sigma / scale;
    const auto side = [&](double y) {
        return std::exp(-y / scale) * std::erfc((half - y / sigma) / std::numbers::sqrt2);
    };
    return side(x) + side(-x);
}

/// A count of one window, before it is rounded and noised.
struct Count {
    double mean;
    double variance;
    double added;     // by the transfer
    int rounded = 1;  // how often it is rounded up to its quantum
};
/// The logarithm of the likelihood ratio of "this was added" to "nothing was".
double log_ratio(double shown, const Count& count, const metrics::Declaration& metric) {
    const auto grain = metrics::grain(metric, metrics::standard_window);
    const auto quantum = static_cast<double>(grain.quantum);
    const auto scale = static_cast<double>(grain.scale().t) / static_cast<double>(grain.scale().s);
    // Rounding up adds half a quantum in the mean, and the variance of a uniform error.
    const auto error = shown - count.mean - count.rounded * quantum / 2;
    const auto spread = count.variance + count.rounded * quantum * quantum / 12;
    return std::log(noisy_density(error - count.added, spread, scale) /
                    noisy_density(error, spread, scale));
}

/// What the window publishes if so many packets have arrived at a relay in it.
metrics::Published published(std::uint64_t packets, base::Random& random) {
    metrics::Totals totals;
    totals.packets_in = packets;
    totals.cpu = std::chrono::round<base::Milliseconds>(
        std::chrono::duration<double, std::milli>{ms_per_packet * static_cast<double>(packets)});
    return metrics::publish({}, totals, {}, metrics::standard_window, {metrics::standard_window, 1},
                            random);
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
    constexpr auto& packets = metrics::declared("nightjar_window_packets");
    constexpr auto& cpu = metrics::declared("nightjar_window_cpu_seconds");
    constexpr auto squared = ms_per_packet * ms_per_packet;
    double score = 0;
    for (std::size_t r = 0; r < added.size(); ++r) {
        const auto mean = background.mean[r] * scrapes_per_window;
        const auto variance = background.variance[r] * scrapes_per_window;
        for (const bool first : {true, false}) {
            const auto moved = first && busy ? added[r] : 0;
            const auto shown = published(draw_count(mean + moved, variance, random), random);
            if (!first) continue;  // it says nothing of the transfer, but it is published
            score += log_ratio(static_cast<double>(shown.packets_in), {mean, variance, added[r]},
                               packets);
            score += log_ratio(
                static_cast<double>(shown.cpu_seconds) * 1000,
                {mean * ms_per_packet, variance * squared, added[r] * ms_per_packet, 2}, cpu);
        }
    }
    return score;
}

}  // namespace nightjar::lab::experiments
