// Idle against busy clients, as seen from the client's link, from all links and by its gateway.
// Every client is one sample; in each network half of them are busy, at random. The window begins
// when they connect, so that it holds the session's opening and a hand-over.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>

#include "tests/privacy/crowd.hpp"
#include "tests/privacy/experiment.hpp"
#include "tests/privacy/features.hpp"
#include "tests/privacy/statistics.hpp"

namespace nightjar::privacy {
namespace {

constexpr std::array watchers{"uplink", "both ways", "every link", "gateway"};
using Seen = std::array<std::vector<Observation>, watchers.size()>;

struct Case {
    Work work;
    std::size_t bytes;
    double seconds;
};

const char* name_of(Work work) {
    switch (work) {
        case Work::download:
            return "download";
        case Work::upload:
            return "upload";
        case Work::either:
            return "download or upload";
    }
    return "";
}

std::string name_of(const Case& one) {
    return std::string{name_of(one.work)} + " of " + std::to_string(one.bytes / 1000) + " kB";
}

void watch(const CrowdOptions& options, Seen& seen, double& finished, double& busy) {
    Crowd crowd{options};
    crowd.run();
    const Window window{0, options.seconds};
    for (const auto& trace : crowd.traces()) {
        const auto note = [&](std::size_t watcher, Row row) {
            seen[watcher].push_back({options.seed, trace.busy, std::move(row)});
        };
        note(0, shape(trace.up, window));
        note(1, link_features(trace, window));
        note(2, every_link_features(trace, crowd, window));
        note(3, gateway_features(trace, crowd, window));
        busy += trace.busy;
        finished += trace.finished;
    }
}

/// Every cell of every link: when, from whom, to whom.
using Events = std::vector<std::tuple<base::Mono, std::size_t, std::size_t>>;

struct Run {
    Events events;
    double moved = 0;  // of all bytes that clients had to move
};

Run events_of(const Case& one, double busy_share, const Options& options, unsigned clients) {
    CrowdOptions crowd;
    crowd.seed = options.seed * 1000 + 900;
    crowd.clients = clients;
    crowd.busy_share = busy_share;
    crowd.work = one.work;
    crowd.bytes = one.bytes;
    crowd.seconds = one.seconds;
    // Long enough that a transfer gets somewhere before its session is handed over, short enough
    // that it is.
    crowd.network.parameters.session_lifetime =
        base::Seconds{static_cast<std::int64_t>(one.seconds / 2)};
    Run run;
    crowd.seen = [&run](const simulation::OnWire& cell) {
        run.events.emplace_back(cell.sent, cell.from_number, cell.to_number);
    };
    Crowd made{crowd};
    made.run();
    for (const auto& trace : made.traces())
        run.moved += static_cast<double>(trace.moved) / static_cast<double>(one.bytes * clients);
    return run;
}

/// Two networks of one seed, in one of which every client is busy: the strongest form of the claim,
/// for it needs no classifier. What differs is counted cell by cell.
void compare_twins(const Case& one, const Options& options, Report& report) {
    const auto idle = events_of(one, 0, options, 20).events;
    const auto run = events_of(one, 1, options, 20);
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
    std::array<Bound, watchers.size()> bounds;
    double finished = 0;  // share of the busy clients' transfers
};

Judged run_case(const Case& one, Defence defence, unsigned seeds, unsigned clients,
                const Options& options, Report& report) {
    Seen seen;
    double finished = 0, busy = 0;
    for (unsigned i = 0; i < seeds; ++i) {
        CrowdOptions crowd;
        crowd.seed = options.seed * 1000 + i;
        crowd.clients = clients;
        crowd.work = one.work;
        crowd.bytes = one.bytes;
        crowd.defence = defence;
        crowd.seconds = one.seconds;
        watch(crowd, seen, finished, busy);
        report.progress(name_of(one) + (defence == Defence::law ? "" : ", law off"),
                        (i + 1.0) / seeds);
    }
    Judged judged{.bounds = {}, .finished = busy > 0 ? finished / busy : 0};
    auto& bounds = judged.bounds;
    base::SeededRandom random{options.seed};
    for (std::size_t i = 0; i < watchers.size(); ++i) {
        const auto samples = cross_fitted(seen[i]);
        bounds[i] = auc_bound(samples, random);
        report.row("observer", "auc",
                   {{"work", name_of(one.work)},
                    {"bytes", one.bytes},
                    {"law", defence == Defence::law},
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

}  // namespace

void observer(const Options& options, Report& report) {
    const auto clients = options.or_else(options.clients, 100u, 200u);
    const auto seeds = options.or_else(options.seeds, 24u, 100u);
    const double limit = options.full ? 0.53 : 0.55;
    std::vector<Case> cases{{Work::either, 100'000, 25}};
    if (options.full) {
        cases = {{Work::download, 100'000, 25}, {Work::upload, 100'000, 25}};
        for (const auto work : {Work::download, Work::upload}) {
            cases.push_back({work, 1'000'000, 35});
            cases.push_back({work, 10'000'000, 150});
        }
    }
    for (const auto work : {Work::download, Work::upload})
        for (const std::size_t megabytes : {1, 10})
            if (megabytes == 1 || options.full)
                compare_twins({work, megabytes * 1'000'000, megabytes == 1 ? 35.0 : 150.0}, options,
                              report);
    // The control: with the defence off every watcher must win.
    const Case control{Work::download, 100'000, 25};
    const auto off = run_case(control, Defence::on_demand, 8, 50, options, report);
    for (std::size_t i = 0; i < watchers.size(); ++i)
        report.at_least(name_of(control) + ", law off, " + watchers[i] + ": AUC",
                        off.bounds[i].point, 0.95);
    for (const auto& one : cases) {
        const auto on = run_case(one, Defence::law, seeds, clients, options, report);
        if (one.bytes <= 100'000)
            report.at_least(name_of(one) + ": share of transfers that finished", on.finished, 0.95);
        for (std::size_t i = 0; i < watchers.size(); ++i)
            report.at_most(name_of(one) + ", " + watchers[i] + ": AUC, upper 95 %",
                           on.bounds[i].upper, limit);
    }
}

}  // namespace nightjar::privacy
