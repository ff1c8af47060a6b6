// What a reader of all relays' metrics learns of one user's 1 MB (docs/metrics.md). Whole networks
// of an hour would take days, so the networks are simulated for minutes: what a transfer adds at
// each relay comes from twins of one seed, and what the other clients send comes from one longer
// run. The hours are drawn from those. What a window publishes is the product's own code.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/experiments/scrapes.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr std::size_t megabyte = 1'000'000;
constexpr std::size_t settled = 20;  // seconds until all sessions have begun

struct Case {
    const char* name;
    attacks::Defence defence;
    attacks::Work work;
};
constexpr std::array cases{
    Case{"law off, upload", attacks::Defence::on_demand, attacks::Work::upload},
    Case{"law off, download", attacks::Defence::on_demand, attacks::Work::download},
    Case{"traffic law, upload", attacks::Defence::law, attacks::Work::upload},
    Case{"traffic law, download", attacks::Defence::law, attacks::Work::download},
};

attacks::CrowdOptions transfer_of(const Case& one, std::uint64_t seed) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.defence = one.defence;
    crowd.work = one.work;
    crowd.bytes = megabyte;
    crowd.seconds = 40;
    crowd.begins_within = 5;
    return crowd;
}

Background idle_network(const measure::Options& options) {
    attacks::CrowdOptions crowd;
    crowd.seed = options.seed * 1000 + 999;
    crowd.clients = options.or_else(options.clients, 20U, 20U);
    crowd.busy_share = 0;
    crowd.seconds = options.full ? 620 : 200;
    return background_of(arrivals(crowd), settled);
}

/// The scores of both classes, as one sample for each run.
template <class Score>
measure::Bound judge(unsigned runs, const std::vector<Added>& users, std::uint64_t seed,
                     const Score& score) {
    const auto samples = measure::side_by_side(runs, [&](std::size_t i) {
        base::SeededRandom random{seed + i};
        const auto& user = users[i % users.size()];
        return std::array{measure::Sample{i, false, score(user, false, random)},
                          measure::Sample{i, true, score(user, true, random)}};
    });
    std::vector<measure::Sample> flat;
    for (const auto& pair : samples)
        flat.insert(flat.end(), pair.begin(), pair.end());
    base::SeededRandom random{seed};
    return measure::auc_bound(flat, random, 200);
}

}  // namespace

void metrics(const measure::Options& options, measure::Report& report) {
    const auto background = idle_network(options);
    const auto networks = options.or_else(options.seeds, 8U, 40U);
    const unsigned runs = options.full ? 20'000 : 6'000;
    for (const auto& one : cases) {
        const auto users = measure::side_by_side(networks, [&](std::size_t i) {
            return added_by(transfer_of(one, options.seed * 1000 + i));
        });
        const bool law = one.defence == attacks::Defence::law;
        const auto exact = judge(runs, users, options.seed,
                                 [&](const Added& user, bool busy, base::Random& random) {
                                     return exact_score(background, user.burst, busy, random);
                                 });
        const auto published = judge(
            runs, users, options.seed, [&](const Added& user, bool busy, base::Random& random) {
                return published_score(background, user.whole, busy, random);
            });
        double most = 0;
        double differing = 0;
        double moved = 0;
        for (const auto& user : users) {
            moved += user.moved / static_cast<double>(megabyte * users.size());
            differing += user.differing;
            for (const auto packets : user.whole)
                most = std::max(most, packets);
        }
        report.row("metrics", "auc",
                   {{"case", one.name},
                    {"law", law},
                    {"runs", runs},
                    {"most_added", most},
                    {"exact", exact.point},
                    {"exact_upper", exact.upper},
                    {"published", published.point},
                    {"published_upper", published.upper}});
        const std::string name = one.name;
        if (law) {
            report.at_least(name + ": share of the 1 MB that was moved", moved, 0.99);
            report.at_most(name + ": seconds in which a relay's count differs", differing, 0);
        } else {
            report.at_least(name + ": AUC of exact counts every 15 s", exact.point, 0.95);
        }
        // With the law off noise alone is left. It makes a guess of a certainty, also for a reader
        // who knows the way and the hour.
        report.at_most(name + ": AUC of two published hours, upper 95 %", published.upper, 0.55);
    }
}

}  // namespace nightjar::lab::experiments
