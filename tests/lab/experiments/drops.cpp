// How many packets of a client an attacker must drop until an exit sees whose session it is, and
// how soon the client notices.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/lab/attacks/dropped.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

using attacks::Way;

constexpr unsigned noticed_counts[] = {1, 16, 64, 128, 256, 512};

/// How many packets in a row are dropped, and what share of all packets is lost anyway.
struct Case {
    unsigned dropped;
    double loss;
};
/// The reduced form runs the first two.
constexpr Case cases[] = {{1, 0},    {32, 0},  {2, 0},   {4, 0},    {8, 0},    {1, 0.02},
                          {1, 0.05}, {1, 0.1}, {1, 0.2}, {2, 0.05}, {4, 0.05}, {8, 0.05},
                          {2, 0.2},  {4, 0.2}, {8, 0.2}, {16, 0.2}};
constexpr std::size_t cases_reduced = 2;

struct Curve {
    measure::Bound all;        // by all features together
    std::vector<double> each;  // the AUC of each feature
};

Curve score(const std::vector<measure::Observation>& observations, base::Random& random) {
    Curve curve;
    curve.all = measure::cross_bound(measure::cross_fitted(observations), random);
    for (std::size_t i = 0; i < std::size(attacks::drop_features); ++i) {
        std::vector<double> scores[2];
        for (const auto& seen : observations)
            scores[seen.busy ? 1 : 0].push_back(seen.features[i]);
        curve.each.push_back(measure::auc(scores[0], scores[1]));
    }
    return curve;
}

const char* name_of(Way way) {
    return way == Way::up ? "up" : "down";
}

void marks(Way way, const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 4u, 12u);
    const auto seconds = options.or_else(options.seconds, 500.0, 2400.0);
    const auto kinds = options.full ? std::size(cases) : cases_reduced;
    const auto count = kinds * seeds;
    const auto runs = measure::side_by_side(
        count,
        [&](std::size_t i) {
            return attacks::drop_observations({.seed = options.seed + i % seeds,
                                               .way = way,
                                               .dropped = cases[i / seeds].dropped,
                                               .loss = cases[i / seeds].loss,
                                               .seconds = seconds});
        },
        [&](std::size_t made) {
            report.progress("dropped packets", double(made) / double(count));
        });
    base::SeededRandom random{options.seed};
    for (std::size_t c = 0; c < kinds; ++c) {
        std::vector<measure::Observation> all;
        for (std::size_t i = 0; i < seeds; ++i)
            all.insert(all.end(), runs[c * seeds + i].begin(), runs[c * seeds + i].end());
        const auto curve = score(all, random);
        nlohmann::json columns{{"seed", options.seed},        {"way", name_of(way)},
                               {"dropped", cases[c].dropped}, {"loss", cases[c].loss},
                               {"windows", all.size()},       {"auc", curve.all.point},
                               {"upper", curve.all.upper}};
        for (std::size_t i = 0; i < curve.each.size(); ++i)
            columns[std::string{"auc_"} + attacks::drop_features[i]] = curve.each[i];
        report.row("drops", "mark", columns);
        if (cases[c].dropped == 32)
            report.at_least(std::string{"control, 32 packets in a row dropped "} + name_of(way) +
                                ": AUC at the exit",
                            curve.all.point, 0.95);
    }
}

void notices(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 6u, 48u);
    for (const auto dropped : noticed_counts) {
        const auto runs = measure::side_by_side(seeds, [&](std::size_t i) {
            return attacks::noticed_after({.seed = options.seed + i, .dropped = dropped});
        });
        std::vector<double> times;
        for (const auto& run : runs)
            if (run) times.push_back(*run);
        report.row("drops", "notice",
                   {{"seed", options.seed},
                    {"dropped", dropped},
                    {"clients", seeds},
                    {"noticed", static_cast<double>(times.size()) / seeds},
                    {"median_s", times.empty() ? nlohmann::json{}
                                               : nlohmann::json(measure::quantile(times, 0.5))}});
        if (dropped == 512)
            report.at_least("512 packets in a row dropped up: clients whose loops tell",
                            static_cast<double>(times.size()) / seeds, 1);
    }
}

}  // namespace

void drops(const measure::Options& options, measure::Report& report) {
    marks(Way::up, options, report);
    marks(Way::down, options, report);
    notices(options, report);
}

}  // namespace nightjar::lab::experiments
