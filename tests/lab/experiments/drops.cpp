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

/// How many packets in a row are dropped, at which sessions, and what share of all packets is lost
/// anyway.
struct Case {
    unsigned dropped;
    std::vector<Seat> seats;
    double loss = 0;
};

/// All that has a bad exit in a client's later hours. They see the same attacks.
const std::vector<Seat> later{Seat::main, Seat::lingering, Seat::both};
const std::vector<Seat> first_hour{Seat::alone};

/// The reduced form runs the first three.
const std::vector<Case> cases{
    {1, first_hour},  {64, first_hour},      {1, later},           {4, first_hour}, {8, first_hour},
    {16, first_hour}, {32, first_hour},      {4, later},           {8, later},      {16, later},
    {32, later},      {1, first_hour, 0.05}, {4, first_hour, 0.05}};
constexpr std::size_t cases_reduced = 3;
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
    switch (seat) {
        case Seat::alone:
            return "alone";
        case Seat::main:
            return "main";
        case Seat::lingering:
            return "lingering";
        case Seat::both:
            return "both";
    }
    return "";
}

const char* name_of(Way way) {
    return way == Way::up ? "up" : "down";
}

/// What one drop may show: with the goal of 0.55, what chance adds to so few windows. Packets up
/// show a little more, by their time
/// (docs/decisions/0041-sessions-ask-for-slots-at-moments-of-their-own.md).
std::optional<double> bound(Way way, Seat seat, const Case& one, bool full) {
    if (one.dropped != 1 || one.loss > 0) return std::nullopt;
    const double chance = full ? 0.03 : 0.08;  // one deviation is 0.02 and 0.05
    if (way == Way::down) return 0.55 + chance;
    return (seat == Seat::alone || seat == Seat::both ? 0.65 : 0.6) + chance;
}

void show(Way way, Seat seat, const Case& one, const std::vector<measure::Observation>& all,
          const measure::Options& options, base::Random& random, measure::Report& report) {
    const auto curve = score(all, random);
    nlohmann::json columns{{"seed", options.seed},     {"way", name_of(way)},
                           {"session", name_of(seat)}, {"dropped", one.dropped},
                           {"loss", one.loss},         {"windows", all.size()},
                           {"auc", curve.all.point},   {"upper", curve.all.upper}};
    for (std::size_t i = 0; i < curve.each.size(); ++i)
        columns[std::string{"auc_"} + attacks::drop_features[i]] = curve.each[i];
    report.row("drops", "mark", columns);
    if (const auto most = bound(way, seat, one, options.full))
        report.at_most(std::string{"one packet dropped "} + name_of(way) + ", session " +
                           name_of(seat) + ": AUC at the exit",
                       curve.all.point, *most);
    if (one.dropped == control)
        report.at_least(std::string{"control, 64 packets in a row dropped "} + name_of(way) +
                            ": AUC at the exit",
                        curve.all.point, 0.95);
}

void marks(Way way, const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 4u, 12u);
    const auto seconds = options.or_else(options.seconds, 500.0, 2400.0);
    const auto kinds = options.full ? cases.size() : cases_reduced;
    const auto count = kinds * seeds;
    const auto runs = measure::side_by_side(
        count,
        [&](std::size_t i) {
            const auto& one = cases[i / seeds];
            return attacks::drop_observations({.seed = options.seed + i % seeds,
                                               .way = way,
                                               .dropped = one.dropped,
                                               .loss = one.loss,
                                               .seconds = seconds},
                                              one.seats);
        },
        [&](std::size_t made) {
            report.progress("dropped packets", double(made) / double(count));
        });
    base::SeededRandom random{options.seed};
    for (std::size_t c = 0; c < kinds; ++c)
        for (std::size_t k = 0; k < cases[c].seats.size(); ++k) {
            std::vector<measure::Observation> all;
            for (std::size_t i = 0; i < seeds; ++i) {
                const auto& seen = runs[c * seeds + i][k];
                all.insert(all.end(), seen.begin(), seen.end());
            }
            show(way, cases[c].seats[k], cases[c], all, options, random, report);
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
