// One relay: what its mix queue leaves an observer to guess, how long the whole relay holds
// packets, and in which order a tick's packets leave; against the ideal mix and against relays that
// mix badly, all fed with the same packets.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/lab/attacks/held_times.hpp"
#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/attacks/mix_summary.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/posterior.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double mean_s = 0.05;

void entropy(const measure::Options& options, measure::Report& report) {
    const std::size_t count = options.full ? 300'000 : 40'000;
    attacks::MixDistances distances;
    const double loads[] = {2, 3, 5, 10, 20, 50, 100};
    for (const auto load : loads) {
        const auto per_second = load / mean_s;
        const auto traffic =
            attacks::poisson(options.seed, per_second, count + 2 * attacks::edge(per_second));
        const auto ours = attacks::summary(
            attacks::drive(traffic, traffic.capped, options.seed).trace, per_second);
        const auto best = attacks::summary(attacks::ideal(traffic), per_second);
        distances.judge(ours, best, load);
        report.row("mixing", "entropy",
                   {{"seed", options.seed},
                    {"targets", count},
                    {"lambda_over_mu", load},
                    {"per_second", per_second},
                    {"product_bits", ours.mean},
                    {"ideal_bits", best.mean},
                    {"formula_bits", attacks::formula_bits(load)},
                    {"gap_bits", best.mean - ours.mean},
                    {"surprise_bits", ours.surprise},
                    {"quantiles_bits", ours.quantiles},
                    {"ideal_quantiles_bits", best.quantiles},
                    {"p5_bits", ours.p5()},
                    {"min_bits", ours.least},
                    {"ideal_min_bits", best.least},
                    {"alone", ours.alone},
                    {"ideal_alone", best.alone},
                    {"best_guess", ours.best_guess},
                    {"ideal_best_guess", best.best_guess}});
        report.progress("mixing: entropy", load / 100);
    }
    distances.report(report);
}

void order_row(const measure::Options& options, measure::Report& report, const char* flush,
               double per_second, const attacks::Driven& driven, const measure::Estimates& seen) {
    const auto arrival = attacks::PlaceCounts::by_arrival(driven);
    const auto due = attacks::PlaceCounts::by_due(driven);
    report.row("mixing", "order",
               {{"seed", options.seed},
                {"flush", flush},
                {"per_second", per_second},
                {"packets_per_tick", per_second * base::to_seconds(attacks::tick_length)},
                {"deviate_by_arrival", arrival.deviate()},
                {"deviate_by_due", due.deviate()},
                {"order_bits_by_arrival", arrival.bits()},
                {"order_bits_by_due", due.bits()},
                {"any_order_bits", seen.any_order},
                {"in_order_bits", seen.in_order},
                {"surprise_any_order_bits", seen.surprise_any_order},
                {"surprise_in_order_bits", seen.surprise_in_order},
                {"measured_bits", seen.measured()}});
}

void order_at(const measure::Options& options, measure::Report& report, double per_second,
              double cost) {
    const double seconds = options.or_else(options.seconds, 8.0, 60.0);
    const std::size_t count = options.full ? 1000 : per_second > 10'000 ? 60 : 250;
    const auto rate = std::to_string(static_cast<int>(per_second)) + " packets/s";
    const auto traffic = attacks::poisson(
        options.seed, per_second,
        static_cast<std::size_t>(per_second * seconds) + 2 * attacks::edge(per_second));
    const auto ours = attacks::drive(traffic, traffic.capped, options.seed);
    order_row(options, report, "product", per_second, ours,
              measure::observe(ours.trace, attacks::edge(per_second), count));
    report.at_most("flush order at " + rate + ", by arrival, deviate from uniform",
                   attacks::PlaceCounts::by_arrival(ours).deviate(), 4.5);
    report.at_most("flush order at " + rate + ", by due time, deviate from uniform",
                   attacks::PlaceCounts::by_due(ours).deviate(), 4.5);
    // Positive controls: the same queue with its shuffle undone. Order of due time reveals
    // nothing to an observer without the delays, because they are memoryless. It reveals everything
    // to the sender, who knows them.
    const auto due = attacks::drive(traffic, traffic.capped, options.seed, attacks::by_due);
    order_row(options, report, "due", per_second, due,
              measure::observe(due.trace, attacks::edge(per_second), count));
    report.at_least("control: flush in order of due time at " + rate + ", deviate",
                    attacks::PlaceCounts::by_due(due).deviate(), 20);
    const auto sorted = attacks::drive(traffic, traffic.capped, options.seed, attacks::by_arrival);
    const auto seen = measure::observe(sorted.trace, attacks::edge(per_second), count);
    order_row(options, report, "arrival", per_second, sorted, seen);
    report.at_least("control: entropy that a flush in order of arrival costs at " + rate + ", bit",
                    seen.any_order - seen.in_order, cost);
}

const char* name_of(attacks::Kernel kernel) {
    return kernel == attacks::Kernel::none   ? "none"
           : kernel == attacks::Kernel::avx2 ? "avx2"
                                             : "portable";
}

/// Where the distance lies: what is wrong with short delays is not what is wrong with long ones.
double worst_at(std::vector<double> sample, double (*cdf)(double)) {
    std::sort(sample.begin(), sample.end());
    double worst = 0, at = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        const auto off = std::abs(cdf(sample[i]) - (static_cast<double>(i) + 0.5) /
                                                       static_cast<double>(sample.size()));
        if (off > worst) worst = off, at = sample[i];
    }
    return at;
}

double held_row(const measure::Options& options, measure::Report& report,
                const attacks::HeldOptions& asked) {
    const auto times = held_times(asked);
    const auto distance = measure::ks_distance(times.held_ms, attacks::law_cdf);
    report.row(
        "mixing", "held",
        {{"seed", options.seed},
         {"packets", asked.packets},
         {"kernel", name_of(asked.kernel)},
         {"load", asked.load},
         {"workers", asked.workers},
         {"earlier_ms", 1e3 * base::to_seconds(asked.earlier)},
         {"per_second", times.per_second},
         {"busy_share", times.busy_share},
         {"unwrap_mean_ms", times.unwrap_mean_ms},
         {"late_mean_ms", measure::mean(times.held_ms) - times.asked_mean_ms},
         {"lost", times.lost},
         {"ks_law", distance},
         {"ks_law_at_ms", worst_at(times.held_ms, attacks::law_cdf)},
         {"ks_law_and_tick", measure::ks_distance(times.held_ms, attacks::law_and_tick_cdf)}});
    return distance;
}

/// Rows with `earlier_ms` say what leaving in the next tick would do, instead of the nearest: that
/// wait alone is (1 - e^-0.02) / 2 = 0.0099 from the delays' distribution.
void held_in_mix(const measure::Options& options, measure::Report& report) {
    constexpr base::Nanoseconds next_tick = -base::Nanoseconds{attacks::tick_length} / 2;
    for (const auto earlier : {base::Nanoseconds{}, next_tick})
        held_row(options, report,
                 {.seed = options.seed, .kernel = attacks::Kernel::none, .earlier = earlier});
    for (const auto kernel : {attacks::Kernel::avx2, attacks::Kernel::portable})
        for (const auto load : {0.1, 0.5, 0.9}) {
            attacks::HeldOptions asked{.seed = options.seed, .kernel = kernel, .load = load};
            const auto distance = held_row(options, report, asked);
            report.at_most("held times against the law, " + std::string{name_of(kernel)} + " at " +
                               std::to_string(static_cast<int>(100 * load)) + " % load, KS",
                           distance, 0.01);
            asked.earlier = next_tick;
            held_row(options, report, asked);
            report.progress("mixing: held times", load);
        }
}

struct Baseline {
    const char* relay;
    std::vector<base::Nanoseconds> delays;
    std::function<double(double)> cdf;  // over seconds
    attacks::Flush flush;
};

std::vector<base::Nanoseconds> uniform(std::uint64_t seed, std::size_t count, double longest_s) {
    base::SeededRandom random{seed};
    std::vector<base::Nanoseconds> delays;
    for (std::size_t i = 0; i < count; ++i)
        delays.push_back(base::from_seconds(random.unit() * longest_s));
    return delays;
}
std::function<double(double)> uniform_cdf(double longest_s) {
    return [longest_s](double x) { return std::min(1.0, x / longest_s); };
}

/// Other relays under the one estimate that fits any distribution of delays (density_bits). A FIFO
/// relay with a constant delay leaves nothing to guess, since the k-th in is the k-th out: its
/// figure here is that of an observer who ignores the order.
void baselines(const measure::Options& options, measure::Report& report) {
    for (const double per_second : {200.0, 1000.0, 2000.0}) {
        const std::size_t count = options.full ? 100'000 : 10'000;
        const auto traffic =
            attacks::poisson(options.seed, per_second, count + 2 * attacks::edge(per_second));
        const auto total = traffic.arrivals.size();
        const std::vector<base::Nanoseconds> constant(total, attacks::mean_delay);
        const Baseline relays[] = {
            {"exponential", traffic.capped, [](double s) { return attacks::law_cdf(1e3 * s); },
             nullptr},
            {"fifo", constant, [](double s) { return s >= mean_s ? 1.0 : 0.0; },
             attacks::by_arrival},
            {"uniform 0-20 ms", uniform(options.seed, total, 0.02), uniform_cdf(0.02), nullptr},
            {"uniform 0-100 ms", uniform(options.seed, total, 0.1), uniform_cdf(0.1), nullptr}};
        for (const auto& one : relays) {
            const auto driven = attacks::drive(traffic, one.delays, options.seed, one.flush);
            std::vector<double> bits;
            for (auto i = attacks::edge(per_second); i + attacks::edge(per_second) < total; ++i)
                bits.push_back(density_bits(driven.trace, i, one.cdf));
            report.row(
                "mixing", "baseline",
                {{"seed", options.seed},
                 {"relay", one.relay},
                 {"per_second", per_second},
                 {"density_bits", measure::mean(bits)},
                 {"p5_bits", measure::quantile(bits, 0.05)},
                 {"min_bits", measure::quantile(bits, 0)},
                 {"deviate_by_arrival", attacks::PlaceCounts::by_arrival(driven).deviate()}});
        }
    }
}

}  // namespace

void mixing(const measure::Options& options, measure::Report& report) {
    entropy(options, report);
    order_at(options, report, 5'000, 0.5);
    order_at(options, report, 20'000, 1.2);
    held_in_mix(options, report);
    baselines(options, report);
    mixing_laws(options, report);
}

}  // namespace nightjar::lab::experiments
