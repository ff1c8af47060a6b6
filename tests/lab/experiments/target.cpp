// Target: what a server sees of the clients whose streams it keeps open, and what a bad exit sees
// of their sessions, where clients' lines are not perfect. The adversary has the server or the
// exit, sees every client's line, and knows when clients connect and leave.
//
//   stalls   lines stall, lose cells or break at times: whose stream or session is it? The score
//            learns what a stall does to the other end
//   rate     a server that sends as fast as it may sees the pace. Has the client connected since
//            the last handover?
//   end      a client leaves, and its stream stops: whose is it?
//   held     a bad gateway holds a client's packets, for an exit that works with it: after how many
//            holds do they know the session, and after how many do the client's loops show it?
// Control: a line that breaks for seconds. What the score then misses, it would miss elsewhere.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"
#include "tests/lab/sessions/held_uplinks.hpp"
#include "tests/lab/sessions/stalls.hpp"

namespace nightjar::lab::experiments {
namespace {

using lab::sessions::Line;

constexpr double settled = 12;  // seconds: sessions and streams are open

/// By the name of the adversary.
struct Watcher {
    const char* name;
    std::vector<lab::sessions::FarEnd> ends;
};

attacks::CrowdOptions crowd_options(unsigned clients, double seconds, std::uint64_t seed) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = clients;
    crowd.busy_share = 1;
    crowd.work = attacks::Work::either;
    crowd.bytes = std::size_t{1} << 40;
    crowd.kept_open = true;
    crowd.seconds = seconds;
    crowd.begins_within = 1;
    crowd.network.gateways = 6;
    return crowd;
}

/// A control must win. The others are rows: no law hides a line that stalls.
void judge_line(const Line& line, bool control, const measure::Options& options,
                measure::Report& report) {
    const auto clients = options.or_else(options.clients, 24u, 40u);
    const auto seconds = options.or_else(options.seconds, 90.0, 180.0);
    auto crowd = crowd_options(clients, seconds, options.seed * 1000 + 1700);
    crowd.handover_after(base::Seconds{7000}, base::Seconds{7200});
    const lab::sessions::Stalls stalls{line, crowd};
    attacks::Crowd network{crowd};
    network.run();
    std::vector<attacks::Times> arrivals(clients);
    Watcher up{"target of an upload", {}}, down{"target of a download", {}}, exit{"exit", {}};
    double in_watch = 0;  // stalls of one client, on average
    for (unsigned i = 0; i < clients; ++i) {
        in_watch += static_cast<double>(stalls.begins(i).size()) / clients;
        const auto& trace = network.traces()[i];
        for (const auto& packet : trace.at_exit)
            arrivals[i].push_back(packet.at);
        exit.ends.push_back({i, &arrivals[i]});
        if (!trace.written.empty()) up.ends.push_back({i, &trace.written});
        if (!trace.taken.empty()) down.ends.push_back({i, &trace.taken});
    }
    for (const auto* watcher : {&up, &down, &exit}) {
        const auto scores =
            lab::sessions::score_by_stalls(stalls, watcher->ends, settled, seconds - 1);
        const auto auc = measure::auc(scores.foreign, scores.own);
        const auto deviation = 1 / std::sqrt(12.0 * static_cast<double>(scores.own.size()));
        report.row("target", "stalls",
                   {{"line", line.name},
                    {"every", line.every},
                    {"lasts", line.lasts},
                    {"stalls", in_watch},
                    {"adversary", watcher->name},
                    {"auc", auc},
                    {"deviation", deviation},
                    {"right", scores.right},
                    {"streams", scores.own.size()},
                    {"clients", clients},
                    {"seconds", seconds - 1 - settled}});
        if (control)
            report.at_least("control: " + std::string{line.name} + ", " + watcher->name + ": AUC",
                            auc, 0.85);
    }
}

// --- a gateway that holds its client's packets ---

/// The control: one hold of 0.3 s names the session. All others are rows.
void judge_holds(double lasts, const measure::Options& options, measure::Report& report) {
    const auto clients = options.or_else(options.clients, 12u, 24u);
    const auto seconds = options.or_else(options.seconds, 150.0, 900.0);
    auto crowd = crowd_options(clients, seconds, options.seed * 1000 + 1780);
    crowd.busy_share = 0;
    crowd.handover_after(base::Seconds{7000}, base::Seconds{7200});
    lab::sessions::HeldUplinks uplinks{lasts, crowd};
    attacks::Crowd network{crowd};
    network.run();
    const auto scores = uplinks.exit_scores(network.traces());
    const auto seen = uplinks.seen_by_loops();
    for (const std::size_t holds : {1, 2, 4, 8, 16}) {
        const auto held = lab::sessions::summed(scores.held, holds);
        const auto other = lab::sessions::summed(scores.other, holds);
        if (held.size() < 8) break;
        const auto auc = measure::auc(other, held);
        report.row("target", "holds",
                   {{"lasts", lasts},
                    {"holds", holds},
                    {"auc", auc},
                    {"deviation", std::sqrt(1 / (6.0 * static_cast<double>(held.size())))},
                    {"sets", held.size()}});
        if (holds == 1 && lasts == 0.3)
            report.at_least("control: a hold of 0.3 s at an exit: AUC", auc, 0.8);
    }
    nlohmann::json noticed{{"lasts", lasts}, {"seen", seen}, {"of", uplinks.holds()}};
    for (const auto every : {10, 60, 600})
        noticed["noticed_" + std::to_string(every)] = lab::sessions::holds_to_notice(every, seen);
    report.row("target", "holds noticed", noticed);
}

// --- clients that come and go ---

constexpr double lifetime = 240;  // seconds, of a session

attacks::CrowdOptions lives(unsigned clients, double seconds, std::uint64_t seed) {
    auto crowd = crowd_options(clients, seconds, seed);
    crowd.network.parameters = {};
    crowd.network.parameters.session_lifetime = base::Seconds{std::lround(lifetime)};
    crowd.network.parameters.session_grid = base::Seconds{2};
    crowd.network.start = base::Wall{base::Seconds{1'800'000'000}};  // a handover
    crowd.begins_within = seconds;
    crowd.connects_within = seconds;
    crowd.first_share = 0.5;
    crowd.stays = seconds;
    return crowd;
}

double rate(const attacks::Times& times, double from, double to) {
    return static_cast<double>(std::count_if(times.begin(), times.end(),
                                             [=](float at) { return at >= from && at < to; })) /
           (to - from);
}

struct Observed {
    std::vector<double> first, later;   // rates of streams, by when their clients connected
    std::vector<double> lasts, leaves;  // by client that left
};

void observe(const attacks::CrowdOptions& crowd, Observed& observed) {
    attacks::Crowd network{crowd};
    network.run();
    // The exit reads ahead of what it has sent, so a stream's first seconds say nothing.
    constexpr double watched = 20, opening = 20, handing_over = 32;
    for (const auto& trace : network.traces()) {
        if (trace.taken.empty()) continue;
        const double begins = trace.taken.front(), from = begins + opening;
        const auto handover = std::floor(begins / lifetime) * lifetime;
        if (from + watched > std::min(trace.leaves, handover + lifetime - 9)) continue;
        if (begins < handover + handing_over) continue;
        (trace.connects > handover ? observed.first : observed.later)
            .push_back(rate(trace.taken, from, from + watched));
    }
    for (const auto& trace : network.traces())
        for (const auto* times : {&trace.taken, &trace.written})
            if (!times->empty() && times->front() < trace.leaves - 5 &&
                trace.leaves < crowd.seconds - 10) {
                observed.lasts.push_back(times->back());
                observed.leaves.push_back(trace.leaves);
            }
}

void judge_lives(const measure::Options& options, measure::Report& report) {
    const auto clients = options.or_else(options.clients, 20u, 96u);
    const auto seconds = options.or_else(options.seconds, 480.0, 720.0);
    Observed observed;
    observe(lives(clients, seconds, options.seed * 1000 + 1750), observed);
    if (!observed.first.empty() && !observed.later.empty())
        report.row("target", "rate",
                   {{"auc", measure::auc(observed.later, observed.first)},
                    {"first", measure::quantile(observed.first, 0.5)},
                    {"later", measure::quantile(observed.later, 0.5)},
                    {"streams", observed.first.size() + observed.later.size()}});
    std::vector<double> differences;
    for (std::size_t i = 0; i < observed.lasts.size(); ++i)
        differences.push_back(observed.lasts[i] - observed.leaves[i]);
    const auto usual = measure::quantile(differences, 0.5);
    std::size_t right = 0;
    std::vector<double> misses;
    for (std::size_t i = 0; i < observed.lasts.size(); ++i) {
        misses.push_back(std::abs(differences[i] - usual));
        right += std::none_of(observed.leaves.begin(), observed.leaves.end(), [&](double leaves) {
            return std::abs(observed.lasts[i] - leaves - usual) < misses.back();
        });
    }
    const auto share = static_cast<double>(right) / static_cast<double>(misses.size());
    report.row("target", "end",
               {{"right", right},
                {"of", misses.size()},
                {"usual", usual},
                {"off", measure::quantile(misses, 0.5)},
                {"off_most", measure::quantile(misses, 0.95)}});
    report.at_least("control: a stream's end names the client that leaves, share", share, 0.7);
}

}  // namespace

void target(const measure::Options& options, measure::Report& report) {
    const Line late{"one cell in 100 late by 50 ms", 1.8, 0.05};
    const Line short_stalls{"stalls of 0.3 s", 6, 0.3};
    const Line stalls{"stalls of 1 s", 15, 1}, long_stalls{"stalls of 3 s", 20, 3};
    if (options.full) judge_line(late, false, options, report);
    judge_line(short_stalls, false, options, report);
    if (options.full) judge_line(stalls, false, options, report);
    if (options.full) judge_line(long_stalls, false, options, report);
    judge_line({"broken for 5 s", 20, 5, true}, true, options, report);
    for (const auto lasts : {0.05, 0.1, 0.2, 0.3, 1.0})
        if (options.full || lasts == 0.3) judge_holds(lasts, options, report);
    judge_lives(options, report);
}

}  // namespace nightjar::lab::experiments
