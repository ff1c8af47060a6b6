// Flow linking (flow_score.hpp): does the flow seen at one end belong to the client whose link is
// seen at the other end?
//
// At the client's end the observer sees the cells on its link. At the other end, by strength:
//   exit's links    all cells that reach one exit, with loops: is it this client's exit?
//   target's link   the times at which one upload's bytes are written to its target
//   bad exit        the arrivals of one session's packets at the exit
//   both ends       a bad exit's replies of one session, and their arrivals at a bad gateway
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "client/core/session_plan.hpp"
#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/features.hpp"
#include "tests/lab/attacks/flow_score.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double false_alarms = 0.01;
constexpr double sparse_rate = 10;  // packets per second of a flow without the traffic law

/// An observer of the links from the last layer to the exit does not see the exit's own delay.
constexpr unsigned hops_to_exit = 4;
constexpr unsigned hops_to_target = 5;
constexpr unsigned hops_back = 3;

/// A network, the ends to compare in it, and for how long.
struct Setting {
    const char* name;
    attacks::Defence defence = attacks::Defence::law;
    directory::Parameters law{};
    double slots = 0;              // slots per second of the observed session
    double pace = 0;               // replies per second of that session
    std::int64_t handover = 3600;  // seconds after connecting
    double settled = 12;           // seconds; the comparison starts here
    std::vector<std::size_t> observations{};
    unsigned seeds = 0;
    unsigned isolation_keys = 0;  // a client's keys in addition to the one of its upload
    bool by_session = false;      // only observers that know which packets belong to a session
    bool a_claim = true;          // verdict that the flow is hidden; otherwise only reported
};

enum Watcher { exits_links, targets_link, bad_exit, both_ends };
constexpr std::array names{"exit's links", "target's link", "bad exit", "both ends"};
struct Scores {
    std::vector<double> apart;     // scores of ends that do not belong together
    std::vector<double> together;  // scores of ends that do
};
using AllScores = std::array<Scores, names.size()>;

/// The first session's exit; the number of gateways for a client that has reached none.
unsigned first_exit(const attacks::Trace& trace, unsigned gateways) {
    return trace.at_exit.empty() ? gateways : trace.at_exit.front().exit;
}

/// What the exit has of the client's first session: in `lingering` the exit has the next one too.
attacks::Times times_of_first_session(const attacks::Trace& trace,
                                      const std::vector<attacks::Trace::AtExit>& events) {
    attacks::Times times;
    if (trace.at_exit.empty()) return times;
    for (const auto& event : events)
        if (event.session == trace.at_exit.front().session) times.push_back(event.at);
    return times;
}

/// A client that does not use `exit`, neither as its exit nor as its gateway.
const attacks::Trace* elsewhere(const std::vector<attacks::Trace>& traces, std::size_t i,
                                unsigned exit, unsigned gateways) {
    for (std::size_t step = 1; step < traces.size(); ++step) {
        const auto& other = traces[(i + step) % traces.size()];
        const auto its_exit = first_exit(other, gateways);
        if (its_exit != gateways && its_exit != exit && other.gateway != exit) return &other;
    }
    return nullptr;
}

/// Is it this client's exit? Both clients are compared with the same exit, so that its load gives
/// no hint.
void judge_exits_links(const attacks::Crowd& crowd, std::size_t i, unsigned exit,
                       const Setting& setting, std::size_t observations, Scores& scores) {
    const auto& merged = crowd.into_exit()[exit];
    const auto uniform =
        static_cast<double>(merged.size()) / static_cast<double>(merged.back() - merged.front());
    const attacks::Route route{hops_to_exit, base::to_seconds(setting.law.mean_delay)};
    const auto score_of = [&](const attacks::Trace& trace) {
        return merged_score(trace.up, merged, route, setting.settled, uniform, observations);
    };
    if (const auto own = score_of(crowd.traces()[i])) scores.together.push_back(*own);
    const auto gateways = static_cast<unsigned>(crowd.into_exit().size());
    const auto* stranger = elsewhere(crowd.traces(), i, exit, gateways);
    if (!stranger) return;
    if (const auto others = score_of(*stranger)) scores.apart.push_back(*others);
}

/// Compares two clients: whose cells, or ticks, caused what is seen of the first one?
void judge_pair(const attacks::Trace& mine, const attacks::Trace& other, const Setting& setting,
                std::size_t observations, AllScores& scores) {
    const double delay = base::to_seconds(setting.law.mean_delay);
    const double loops = setting.law.client_loops.per_second();
    // Without the traffic law there are only the flow itself and loops.
    const bool off = setting.defence == attacks::Defence::on_demand;
    const double slots = off ? setting.slots : setting.law.main_slots.per_second();
    const double deliveries = loops + (off ? setting.pace : setting.law.replies.per_second());
    const double session_share = setting.slots / (slots + loops);
    constexpr double floor = 0.5;  // events per second that no cause explains
    const auto compare = [&](Watcher watcher, const attacks::Times& cause,
                             const attacks::Times& not_cause, const attacks::Times& seen,
                             const attacks::FlowModel& model, double seen_of_each) {
        const auto n = static_cast<std::size_t>(static_cast<double>(observations) * seen_of_each);
        const auto own = flow_score(cause, seen, model, setting.settled, n);
        const auto others = flow_score(not_cause, seen, model, setting.settled, n);
        if (own) scores[watcher].together.push_back(*own);
        if (others) scores[watcher].apart.push_back(*others);
    };
    // The number of writes depends on how the stream's bytes get in order, so it is no evidence.
    compare(targets_link, mine.up, other.up, mine.written,
            {{hops_to_target, delay}, session_share, floor, false}, 1);
    compare(bad_exit, mine.up, other.up, times_of_first_session(mine, mine.at_exit),
            {{hops_to_exit, delay}, session_share, floor}, 1);
    compare(both_ends, times_of_first_session(mine, mine.replied),
            times_of_first_session(other, other.replied), times_of(mine.delivered),
            {{hops_back, delay}, 1, deliveries - setting.pace}, deliveries / setting.pace);
}

void judge(const attacks::Crowd& crowd, const Setting& setting, std::size_t observations,
           AllScores& scores) {
    const auto& traces = crowd.traces();
    const auto gateways = static_cast<unsigned>(crowd.into_exit().size());
    for (std::size_t i = 0; i < traces.size(); ++i) {
        const auto exit = first_exit(traces[i], gateways);
        if (exit == gateways) continue;
        judge_pair(traces[i], traces[(i + 1) % traces.size()], setting, observations, scores);
        if (!setting.by_session)
            judge_exits_links(crowd, i, exit, setting, observations, scores[exits_links]);
    }
}

attacks::CrowdOptions crowd_options(const Setting& setting, const measure::Options& options,
                                    std::uint64_t seed) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = options.or_else(options.clients, 80u, 80u);
    crowd.busy_share = 1;
    crowd.work = attacks::Work::upload;
    crowd.defence = setting.defence;
    crowd.on_demand_rate = sparse_rate;
    // A client's sessions are at different exits if there are enough exits.
    crowd.network.gateways = setting.isolation_keys > 0 ? 16 : 4;
    crowd.isolation_keys = setting.isolation_keys;
    crowd.network.parameters = setting.law;
    crowd.handover_after(base::Seconds{setting.handover}, setting.law.session_lifetime);
    const auto most = static_cast<double>(setting.observations.back());
    crowd.seconds = setting.settled + most / std::min(setting.slots, setting.pace) + 10;
    // More than fits through, so that an upload lasts as long as the window.
    crowd.bytes =
        static_cast<std::size_t>(2'000 * setting.law.main_slots.per_second() * crowd.seconds);
    return crowd;
}

using ByCount = std::vector<AllScores>;  // one for each of setting.observations

ByCount run(const Setting& setting, const measure::Options& options, measure::Report& report) {
    const auto networks = measure::side_by_side(
        setting.seeds,
        [&](std::size_t i) {
            attacks::Crowd crowd{crowd_options(setting, options, options.seed * 1000 + 500 + i)};
            crowd.run();
            ByCount scores(setting.observations.size());
            for (std::size_t k = 0; k < scores.size(); ++k)
                judge(crowd, setting, setting.observations[k], scores[k]);
            return scores;
        },
        [&](std::size_t made) {
            report.progress(setting.name, static_cast<double>(made) / setting.seeds);
        });
    ByCount all(setting.observations.size());
    for (const auto& network : networks)
        for (std::size_t k = 0; k < all.size(); ++k)
            for (std::size_t watcher = 0; watcher < names.size(); ++watcher) {
                const auto& from = network[k][watcher];
                auto& to = all[k][watcher];
                to.apart.insert(to.apart.end(), from.apart.begin(), from.apart.end());
                to.together.insert(to.together.end(), from.together.begin(), from.together.end());
            }
    return all;
}

const char* name_of(attacks::Defence defence) {
    switch (defence) {
        case attacks::Defence::law:
            return "law";
        case attacks::Defence::on_demand:
            return "off";
        case attacks::Defence::poisson:
            return "poisson";
    }
    return "";
}

double show(const Scores& scores, Watcher watcher, const Setting& setting, std::size_t observations,
            measure::Report& report) {
    constexpr std::size_t fewest = 20;  // with fewer scores a rate is meaningless
    if (scores.together.size() < fewest || scores.apart.size() < fewest) return 0;
    const auto rate = measure::true_positive_rate(scores.apart, scores.together, false_alarms);
    report.row("linking", "tpr",
               {{"setting", setting.name},
                {"watcher", names[watcher]},
                {"defence", name_of(setting.defence)},
                {"tpr", rate},
                {"fpr", false_alarms},
                {"auc", measure::auc(scores.apart, scores.together)},
                {"observations", observations},
                {"together", scores.together.size()},
                {"apart", scores.apart.size()}});
    return rate;
}

/// The traffic law must hide which ends belong together, for all parameters of the network.
void judge_law(const Setting& setting, const measure::Options& options, measure::Report& report) {
    const auto scores = run(setting, options, report);
    for (std::size_t k = 0; k < scores.size(); ++k)
        for (const auto watcher : {exits_links, targets_link, bad_exit, both_ends}) {
            if (setting.by_session && watcher < bad_exit) continue;
            const auto observations = setting.observations[k];
            const auto& seen = scores[k][watcher];
            const auto rate = show(seen, watcher, setting, observations, report);
            if (observations != 100 || !setting.a_claim) continue;
            const auto what = std::string{setting.name} + ", " + names[watcher];
            report.at_least(what + ": pairs of ends",
                            static_cast<double>(std::min(seen.together.size(), seen.apart.size())),
                            100);
            report.at_most(what + ": TPR at FPR 0.01 after 100 observations", rate, 0.05);
        }
}

directory::Parameters law_of(std::uint32_t slots, std::uint32_t delay_ms, std::int64_t lifetime) {
    directory::Parameters law;
    law.main_slots.milli = slots * 1000;
    law.client_loops.milli = slots * 100;
    law.replies.milli = slots * 900;
    law.down.milli = std::max(slots * 1200, slots * 1000 + 4500);
    law.mean_delay = base::Milliseconds{delay_ms};
    law.session_lifetime = base::Seconds{lifetime};
    law.session_grid = base::Seconds{1};
    return law;
}

/// A session that keeps the whole pace.
Setting whole_session(const char* name, std::uint32_t slots, std::uint32_t delay_ms,
                      std::vector<std::size_t> observations, unsigned seeds) {
    return {.name = name,
            .law = law_of(slots, delay_ms, 7200),
            .slots = static_cast<double>(slots),
            .pace = slots * 0.9,
            .observations = std::move(observations),
            .seeds = seeds};
}

Setting of_session(Setting setting) {
    setting.by_session = true;
    return setting;
}

/// After a handover the old session keeps a third of the slots and of the pace for one more
/// lifetime. Without isolation keys this is the slowest session that lasts.
Setting lingering(std::vector<std::size_t> observations, unsigned seeds) {
    constexpr double slots = 50 / (client::core::main_weight + 1), pace = slots * 0.9;
    const auto needed = static_cast<double>(observations.back()) / pace;
    const auto lifetime = (static_cast<std::int64_t>(needed) + 60) / 10 * 10;
    return {.name = "lingering",
            .law = law_of(50, 50, lifetime),
            .slots = slots,
            .pace = pace,
            .handover = 19,
            .settled = 46,  // seconds; the session lingers from 20 s after the handover on
            .observations = std::move(observations),
            .seeds = seeds};
}

/// As many isolation keys as can get sessions. All sessions of a client share slots and pace
/// evenly.
Setting isolated(std::vector<std::size_t> observations, unsigned seeds) {
    constexpr unsigned keys = 5, sessions = keys + 1;
    auto setting = whole_session("isolated", 50, 50, std::move(observations), seeds);
    setting.isolation_keys = keys;
    setting.slots /= sessions;
    setting.pace /= sessions;
    setting.settled = 240;  // seconds; from then on no session is on trial
    return setting;
}

}  // namespace

void linking(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 5u, 40u);
    // The control: without the traffic law an observer of a session's packets must succeed.
    auto off = whole_session("standard", 50, 50, {100}, options.full ? 6 : 2);
    off.defence = attacks::Defence::on_demand;
    off.slots = off.pace = sparse_rate;
    const auto control = run(off, options, report);
    for (const auto watcher : {exits_links, bad_exit, both_ends}) {
        const auto rate = show(control[0][watcher], watcher, off, 100, report);
        if (watcher == exits_links) continue;  // one flow among all others is always hard to see
        report.at_least(std::string{"law off, flows of 10 packets a second, "} + names[watcher] +
                            ": TPR at FPR 0.01 after 100 observations",
                        rate, 0.4);
    }
    // Poisson slots for comparison. ("Both ends" is left out, because exits tick by our own
    // schedule.)
    auto poisson = whole_session("standard", 50, 50, {100, 600}, seeds);
    poisson.defence = attacks::Defence::poisson;
    const auto by_count = run(poisson, options, report);
    for (std::size_t k = 0; k < by_count.size(); ++k)
        for (const auto watcher : {exits_links, bad_exit})
            show(by_count[k][watcher], watcher, poisson, poisson.observations[k], report);

    judge_law(whole_session("standard", 50, 50, {100, 600}, seeds), options, report);
    const auto fewer = std::max(2u, seeds / 4), few = std::max(2u, seeds / 8);
    if (!options.full) {
        judge_law(of_session(whole_session("low", 10, 250, {100}, fewer)), options, report);
        judge_law(of_session(lingering({100}, fewer)), options, report);
        return;
    }
    judge_law(of_session(whole_session("standard", 50, 50, {6'000}, fewer)), options, report);
    judge_law(of_session(whole_session("standard", 50, 50, {30'000}, few)), options, report);
    judge_law(of_session(whole_session("low", 10, 250, {100, 600, 6'000}, fewer)), options, report);
    judge_law(of_session(whole_session("high", 100, 100, {100, 600, 6'000}, fewer)), options,
              report);
    judge_law(of_session(lingering({100, 600, 1'800}, few)), options, report);
    judge_law(of_session(isolated({100, 600, 1'800}, fewer)), options, report);
    // A network that no authority would sign.
    auto slow = of_session(whole_session("slow beat", 10, 50, {100, 600, 6'000}, fewer));
    slow.a_claim = false;
    judge_law(slow, options, report);
}

}  // namespace nightjar::lab::experiments
