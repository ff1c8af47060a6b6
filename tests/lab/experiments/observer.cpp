// Distinguishing idle from busy clients, for an observer of the client's link, an observer of all
// links, and the client's gateway. Every client is one sample; in each network a random half of
// them is busy. The window begins when they connect, so it contains the session's opening and at
// least the begin of one handover.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/features.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr std::array watchers{"uplink", "both ways", "every link", "gateway"};
using Seen = std::array<std::vector<measure::Observation>, watchers.size()>;

/// What busy clients transfer, and how long they are observed. All cases contain a handover: the
/// next session opens 8 s before it and gets the pace 20 s after it. A transfer must not lose its
/// session while it lasts.
struct Case {
    attacks::Work work;
    std::size_t bytes;
    double seconds;
    std::int64_t handover;  // seconds after connecting
    double begins_within = 10;
    std::int64_t lifetime = 600;  // of a session, in seconds
};

attacks::CrowdOptions crowd_options(const Case& one, std::uint64_t seed, unsigned clients) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = clients;
    crowd.work = one.work;
    crowd.bytes = one.bytes;
    crowd.seconds = one.seconds;
    crowd.begins_within = one.begins_within;
    crowd.handover_after(base::Seconds{one.handover}, base::Seconds{one.lifetime});
    return crowd;
}

const char* name_of(attacks::Work work) {
    switch (work) {
        case attacks::Work::download:
            return "download";
        case attacks::Work::upload:
            return "upload";
        case attacks::Work::either:
            return "download or upload";
    }
    return "";
}

std::string name_of(const Case& one) {
    return std::string{name_of(one.work)} + " of " + std::to_string(one.bytes / 1000) + " kB";
}

/// What the observers see of one network, and what its busy clients have transferred.
struct Watched {
    Seen seen;
    double finished = 0;
    double busy = 0;
};

Watched watch(const attacks::CrowdOptions& options) {
    attacks::Crowd crowd{options};
    crowd.run();
    const attacks::Window window{0, options.seconds};
    Watched watched;
    for (const auto& trace : crowd.traces()) {
        const auto note = [&](std::size_t watcher, attacks::Row row) {
            watched.seen[watcher].push_back({options.seed, trace.busy, std::move(row)});
        };
        note(0, shape(trace.up, window));
        note(1, link_features(trace, window));
        note(2, every_link_features(trace, crowd, window));
        note(3, gateway_features(trace, crowd, window));
        watched.busy += trace.busy;
        watched.finished += trace.finished;
    }
    return watched;
}

/// Every cell on every link: time, sender, receiver.
using Events = std::vector<std::tuple<base::Mono, std::size_t, std::size_t>>;

struct Run {
    Events events;
    double moved = 0;  // share of all bytes that clients had to transfer
};

Run events_of(const Case& one, double busy_share, const measure::Options& options,
              unsigned clients) {
    auto crowd = crowd_options(one, options.seed * 1000 + 900, clients);
    crowd.busy_share = busy_share;
    Run run;
    crowd.seen = [&run](const lab::world::OnWire& cell) {
        run.events.emplace_back(cell.sent, cell.from_number, cell.to_number);
    };
    attacks::Crowd made{crowd};
    made.run();
    for (const auto& trace : made.traces())
        run.moved += static_cast<double>(trace.moved) / static_cast<double>(one.bytes * clients);
    return run;
}

/// Two networks of one seed; in one of them every client is busy. Counts the cells that differ.
/// This is the strongest form of the claim, because it needs no classifier.
void compare_twins(const Case& one, const measure::Options& options, measure::Report& report) {
    const auto runs = measure::side_by_side(
        2, [&](std::size_t i) { return events_of(one, static_cast<double>(i), options, 20); });
    const auto& idle = runs[0].events;
    const auto& run = runs[1];
    const auto& busy = run.events;
    std::size_t differing = std::max(idle.size(), busy.size()) - std::min(idle.size(), busy.size());
    for (std::size_t i = 0; i < std::min(idle.size(), busy.size()); ++i)
        differing += idle[i] != busy[i];
    report.row("observer", "twins",
               {{"work", name_of(one.work)},
                {"bytes", one.bytes},
                {"seconds", one.seconds},
                {"cells", idle.size()},
                {"moved", run.moved},
                {"differing", differing}});
    report.at_least(name_of(one) + ": share of it that the busy network moved", run.moved, 0.5);
    report.at_most(name_of(one) + ": cells of all links that differ from an idle network's",
                   static_cast<double>(differing), 0);
}

/// Runs the networks of one case and judges each watcher's guess.
struct Judged {
    std::array<measure::Bound, watchers.size()> bounds;
    double finished = 0;  // share of the busy clients' transfers
};

Judged run_case(const Case& one, attacks::Defence defence, unsigned seeds, unsigned clients,
                const measure::Options& options, measure::Report& report) {
    const auto name = name_of(one) + (defence == attacks::Defence::law ? "" : ", law off");
    const auto networks = measure::side_by_side(
        seeds,
        [&](std::size_t i) {
            auto crowd = crowd_options(one, options.seed * 1000 + i, clients);
            crowd.defence = defence;
            return watch(crowd);
        },
        [&](std::size_t made) { report.progress(name, static_cast<double>(made) / seeds); });
    Seen seen;
    double finished = 0, busy = 0;
    for (const auto& network : networks) {
        for (std::size_t i = 0; i < watchers.size(); ++i)
            seen[i].insert(seen[i].end(), network.seen[i].begin(), network.seen[i].end());
        finished += network.finished;
        busy += network.busy;
    }
    Judged judged{.bounds = {}, .finished = busy > 0 ? finished / busy : 0};
    auto& bounds = judged.bounds;
    base::SeededRandom random{options.seed};
    for (std::size_t i = 0; i < watchers.size(); ++i) {
        const auto samples = cross_fitted(seen[i]);
        bounds[i] = cross_bound(samples, random);
        report.row("observer", "auc",
                   {{"work", name_of(one.work)},
                    {"bytes", one.bytes},
                    {"law", defence == attacks::Defence::law},
                    {"watcher", watchers[i]},
                    {"auc", bounds[i].point},
                    {"upper", bounds[i].upper},
                    {"clients", samples.size()},
                    {"seeds", seeds},
                    {"seconds", one.seconds},
                    {"finished", judged.finished}});
    }
    return judged;
}

/// The cases with the size of transfer given in the options; all if none is given.
std::vector<Case> chosen(const std::vector<Case>& all, const measure::Options& options) {
    std::vector<Case> some;
    for (const auto& one : all)
        if (options.bytes == 0 || one.bytes == options.bytes) some.push_back(one);
    return some;
}

std::vector<Case> cases(const measure::Options& options) {
    if (!options.full) return chosen({{attacks::Work::either, 100'000, 47, 19, 37}}, options);
    return chosen({{attacks::Work::download, 100'000, 47, 19, 37},
                   {attacks::Work::upload, 100'000, 47, 19, 37},
                   {attacks::Work::download, 1'000'000, 45, 19, 15},
                   {attacks::Work::upload, 1'000'000, 45, 19, 15},
                   {attacks::Work::either, 10'000'000, 165, 130}},
                  options);
}

std::vector<Case> twin_cases(const measure::Options& options) {
    std::vector<Case> all;
    for (const auto work : {attacks::Work::download, attacks::Work::upload}) {
        all.push_back({work, 1'000'000, 45, 19});
        // After 69 s the first session ends, and with it all transfers.
        all.push_back({work, 4'000'000, 90, 19, 10, 30});
        if (options.full) all.push_back({work, 10'000'000, 150, 75});
    }
    return chosen(all, options);
}

}  // namespace

void observer(const measure::Options& options, measure::Report& report) {
    const auto clients = options.or_else(options.clients, 100u, 100u);
    // Full: 10,000 clients of each class, and some more because the classes are drawn. Reduced: so
    // many that chance exceeds the bound once in two hundred runs.
    const auto seeds = options.or_else(options.seeds, 48u, 204u);
    const double limit = options.full ? 0.53 : 0.55;
    for (const auto& one : twin_cases(options))
        compare_twins(one, options, report);
    // The controls: without the defence every observer must succeed.
    for (const auto& one : cases(options)) {
        const auto off = run_case(one, attacks::Defence::on_demand, 8, 50, options, report);
        for (std::size_t i = 0; i < watchers.size(); ++i)
            report.at_least(name_of(one) + ", law off, " + watchers[i] + ": AUC",
                            off.bounds[i].point, 0.95);
    }
    for (const auto& one : cases(options)) {
        const auto on = run_case(one, attacks::Defence::law, seeds, clients, options, report);
        report.at_least(name_of(one) + ": share of transfers that finished", on.finished, 0.95);
        for (std::size_t i = 0; i < watchers.size(); ++i)
            report.at_most(name_of(one) + ", " + watchers[i] + ": AUC, upper 95 %",
                           on.bounds[i].upper, limit);
    }
}

}  // namespace nightjar::lab::experiments
