// How many packets of a client an attacker must drop until an exit sees whose session it is, and
// how soon the client notices.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "tests/lab/attacks/dropped.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

using attacks::Seat;
using attacks::Way;

constexpr unsigned noticed_counts[] = {1, 16, 64, 128, 256, 512};

/// How many packets in a row are dropped, at which session, and what share of all packets is lost
/// anyway.
struct Case {
    unsigned dropped;
    Seat seat = Seat::alone;
    double loss = 0;
};
/// The reduced form runs the first four.
constexpr Case cases[] = {{1, Seat::alone},      {64, Seat::alone},      {1, Seat::main},
                          {1, Seat::lingering},  {4, Seat::alone},       {8, Seat::alone},
                          {16, Seat::alone},     {32, Seat::alone},      {4, Seat::main},
                          {8, Seat::main},       {16, Seat::main},       {32, Seat::main},
                          {4, Seat::lingering},  {8, Seat::lingering},   {16, Seat::lingering},
                          {32, Seat::lingering}, {1, Seat::alone, 0.05}, {4, Seat::alone, 0.05}};
constexpr std::size_t cases_reduced = 4;
constexpr unsigned control = 64;

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

const char* name_of(Seat seat) {
    return seat == Seat::alone ? "alone" : seat == Seat::main ? "main" : "lingering";
}

const char* name_of(Way way) {
    return way == Way::up ? "up" : "down";
}

/// What one drop may show: with the goal of 0.55, what chance adds to so few windows. Packets up
/// show a little more, by their time
/// (docs/decisions/0041-sessions-ask-for-slots-at-moments-of-their-own.md).
std::optional<double> bound(Way way, const Case& one, bool full) {
    if (one.dropped != 1 || one.loss > 0) return std::nullopt;
    const double chance = full ? 0.03 : 0.08;  // one deviation is 0.02 and 0.05
    if (way == Way::down) return 0.55 + chance;
    return (one.seat == Seat::alone ? 0.65 : 0.6) + chance;
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
                                               .seat = cases[i / seeds].seat,
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
        nlohmann::json columns{{"seed", options.seed},
                               {"way", name_of(way)},
                               {"session", name_of(cases[c].seat)},
                               {"dropped", cases[c].dropped},
                               {"loss", cases[c].loss},
                               {"windows", all.size()},
                               {"auc", curve.all.point},
                               {"upper", curve.all.upper}};
        for (std::size_t i = 0; i < curve.each.size(); ++i)
            columns[std::string{"auc_"} + attacks::drop_features[i]] = curve.each[i];
        report.row("drops", "mark", columns);
        if (const auto most = bound(way, cases[c], options.full))
            report.at_most(std::string{"one packet dropped "} + name_of(way) + ", session " +
                               name_of(cases[c].seat) + ": AUC at the exit",
                           curve.all.point, *most);
        if (cases[c].dropped == control)
            report.at_least(std::string{"control, 64 packets in a row dropped "} + name_of(way) +
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
