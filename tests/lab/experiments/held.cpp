// How often an attacker on a client's link brings the client to a bad exit by disturbing that link.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "tests/lab/attacks/held_link.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"

namespace nightjar::lab::experiments {
namespace {

using attacks::Disturbance;

constexpr unsigned exit_counts[] = {6, 12};  // the reduced form has the first alone
constexpr Disturbance disturbances[] = {Disturbance::none,         Disturbance::down_held,
                                        Disturbance::down_dropped, Disturbance::down_thinned,
                                        Disturbance::up_dropped,   Disturbance::cut,
                                        Disturbance::exits_silent};
/// An attack may multiply the share of clients that come to the bad exit by at most this.
constexpr double factor_max = 1.2;

struct Summary {
    double met = 0;       // share of clients that come to the bad exit in the window
    double median_s = 0;  // over all clients; infinity if fewer than half come to it
    double worst_s = 0;   // the same of the last client
};

Summary sum_up(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    const auto met =
        std::count_if(times.begin(), times.end(), [](double time) { return std::isfinite(time); });
    return {.met = static_cast<double>(met) / static_cast<double>(times.size()),
            .median_s = times[times.size() / 2],
            .worst_s = times.back()};
}

nlohmann::json or_null(double seconds) {
    return std::isfinite(seconds) ? nlohmann::json(seconds) : nlohmann::json{};
}

}  // namespace

void held(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 4u, 8u);
    const base::Seconds lifetime{options.full ? 3600 : 120};
    const std::size_t networks = options.full ? std::size(exit_counts) : 1;
    // The term of a client's exit is 4 to 12 lifetimes, so a client left alone has changed it.
    const auto seconds = options.or_else(options.seconds, 14 * base::to_seconds(lifetime),
                                         14 * base::to_seconds(lifetime));
    const auto kinds = std::size(disturbances);
    const auto count = networks * kinds * seeds;
    const auto runs = measure::side_by_side(
        count,
        [&](std::size_t i) {
            return attacks::first_sessions({.seed = options.seed + i % seeds,
                                            .exits = exit_counts[i / seeds / kinds],
                                            .disturbance = disturbances[i / seeds % kinds],
                                            .session_lifetime = lifetime,
                                            .seconds = seconds});
        },
        [&](std::size_t made) {
            report.progress("held links", static_cast<double>(made) / double(count));
        });
    for (std::size_t e = 0; e < networks; ++e) {
        double alone = 0;
        for (std::size_t k = 0; k < kinds; ++k) {
            std::vector<double> times;
            for (std::size_t i = 0; i < seeds; ++i) {
                const auto& run = runs[(e * kinds + k) * seeds + i];
                times.insert(times.end(), run.begin(), run.end());
            }
            const auto seen = sum_up(times);
            const std::string name = attacks::to_string(disturbances[k]);
            report.row("held", "held",
                       {{"seed", options.seed},
                        {"exits", exit_counts[e]},
                        {"attack", name},
                        {"lifetime_s", lifetime.count()},
                        {"window_s", seconds},
                        {"clients", times.size()},
                        {"met", seen.met},
                        {"median_s", or_null(seen.median_s)},
                        {"worst_s", or_null(seen.worst_s)}});
            if (disturbances[k] == Disturbance::none) {
                alone = seen.met;
                continue;
            }
            if (disturbances[k] == Disturbance::exits_silent) {
                report.at_least("control, exits that are silent, one bad exit of " +
                                    std::to_string(exit_counts[e]) +
                                    ": clients that come to it, against clients left alone",
                                seen.met / alone, 1.3);
                continue;
            }
            report.at_most(name + ", one bad exit of " + std::to_string(exit_counts[e]) +
                               ": clients that come to it, against clients left alone",
                           seen.met / alone, factor_max);
        }
    }
}

}  // namespace nightjar::lab::experiments
