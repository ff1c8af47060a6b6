// The laws of mixing side by side: what each leaves an observer of one relay to guess, and for how
// long it holds packets, from a quiet relay to a busy one. Part of the experiment `mixing`.
#include <algorithm>
#include <string>

#include "tests/lab/attacks/law_drive.hpp"
#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/attacks/mix_summary.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

using directory::MixLaw;

constexpr double mean_s = 0.05;

struct Contender {
    const char* law;
    directory::Mixing mixing;
    base::Milliseconds mean_delay;  // of `threshold`: the longest wait
};

attacks::LawSummary poisson_summary(const measure::Options& options, double per_second,
                                    std::size_t packets) {
    const auto traffic = attacks::poisson(options.seed, per_second, packets);
    const auto driven = attacks::drive(traffic, traffic.capped, options.seed);
    const auto seen = attacks::summary(driven.trace, per_second);
    std::vector<double> held;
    for (std::size_t i = attacks::edge(per_second); i + attacks::edge(per_second) < packets; ++i)
        held.push_back(1e3 * base::to_seconds(driven.trace.ticks[driven.trace.truth[i].tick].at -
                                              traffic.arrivals[i]));
    const auto mean = measure::mean(held);
    return {.mean = seen.mean,
            .p5 = seen.p5(),
            .least = seen.least,
            .alone = seen.alone,
            .surprise = seen.surprise,
            .held_mean_ms = mean,
            .held_p99_ms = measure::quantile(std::move(held), 0.99)};
}

}  // namespace

void mixing_laws(const measure::Options& options, measure::Report& report) {
    const std::size_t count = options.full ? 200'000 : 30'000;
    const Contender contenders[] = {
        {"poisson", {}, base::Milliseconds{50}},
        {"timed-pool",
         {.law = MixLaw::timed_pool, .interval = base::Milliseconds{25}, .keep = 1},
         base::Milliseconds{50}},
        {"threshold 20", {.law = MixLaw::threshold, .packets = 20}, base::Milliseconds{100}},
        {"threshold 200", {.law = MixLaw::threshold, .packets = 200}, base::Milliseconds{100}}};
    double surprise = 0;
    double behind = 0;  // how many bits the timed pool leaves fewer than poisson
    for (const double load : {2, 3, 5, 10, 20, 50, 100}) {
        const auto per_second = load / mean_s;
        const auto packets = count + 2 * attacks::edge(per_second);
        double poisson_bits = 0;
        for (const auto& one : contenders) {
            directory::Parameters law;
            law.mean_delay = one.mean_delay;
            law.mixing = one.mixing;
            const bool poisson = one.mixing.law == MixLaw::poisson;
            const auto seen =
                poisson
                    ? poisson_summary(options, per_second, packets)
                    : attacks::summary(attacks::drive_law(law, per_second, packets, options.seed),
                                       per_second);
            surprise = std::max(surprise, std::abs(seen.surprise - seen.mean));
            if (poisson) poisson_bits = seen.mean;
            if (one.mixing.law == MixLaw::timed_pool && load >= 10)
                behind = std::max(behind, poisson_bits - seen.mean);
            report.row("mixing", "laws",
                       {{"seed", options.seed},
                        {"law", one.law},
                        {"lambda_over_mu", load},
                        {"per_second", per_second},
                        {"bits", seen.mean},
                        {"p5_bits", seen.p5},
                        {"min_bits", seen.least},
                        {"alone", seen.alone},
                        {"surprise_bits", seen.surprise},
                        {"held_mean_ms", seen.held_mean_ms},
                        {"held_p99_ms", seen.held_p99_ms}});
        }
        report.progress("mixing: laws", load / 100);
    }
    // Else the model of the observer would not be the right one for these mixes.
    report.at_most("entropy against surprise, worst of 4 laws at 7 loads, bit", surprise, 0.05);
    report.at_most("timed pool's entropy behind poisson's, from 10 packets on, bit", behind, 0.05);
}

}  // namespace nightjar::lab::experiments
