// Flow linking by the statistical classifier of MixMatch (PoPETs 2024.2): is the flow that is seen
// at one end the work of the client whose link is seen at the other? One end's times, convolved
// with the density of a route's delay, give the rate to be expected at the other; a flow's score
// is the log-likelihood ratio of what came there against a uniform rate. The published score asks
// only when packets came; ours also how many, which makes it much the stronger.
//
// Client's end: the cells on its link. Other end, three watchers of growing strength:
//   exit's links    all cells that reach one exit, everybody's and loops: is it this client's exit?
//   target's link   the moments at which one upload's bytes are written to its target
//   bad exit        the arrivals of one session's packets at the exit itself
//   both ends       when a bad exit sends a session's replies, and a bad gateway gets a client's
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "tests/privacy/crowd.hpp"
#include "tests/privacy/experiment.hpp"
#include "tests/privacy/features.hpp"
#include "tests/privacy/statistics.hpp"

namespace nightjar::privacy {
namespace {

constexpr double false_alarms = 0.01;
constexpr double sparse_rate = 10;  // packets a second of a flow where the law is off
constexpr double settled = 8;       // seconds: all sessions are open

constexpr double mean_delay = 0.05;
constexpr double link_and_tick = 0.002;  // a link; ticks round both ways

/// Density of the sum of `hops` exponential delays (Erlang's), behind what links and ticks add.
double route_density(double seconds, unsigned hops) {
    const auto x = (seconds - link_and_tick * hops) / mean_delay;
    if (x <= 0) return 0;
    double density = std::exp(-x) / mean_delay;
    for (unsigned i = 1; i < hops; ++i)
        density *= x / i;
    return density;
}

/// And its distribution.
double route_share(double seconds, unsigned hops) {
    const auto x = (seconds - link_and_tick * hops) / mean_delay;
    if (x <= 0) return 0;
    double term = std::exp(-x), left = term;
    for (unsigned i = 1; i < hops; ++i)
        left += term *= x / i;
    return 1 - left;
}

/// Who sees a packet when the last layer sends it has not seen the exit's own delay.
constexpr unsigned hops_to_exit = 4;
constexpr unsigned hops_to_target = 5;
constexpr unsigned hops_back = 3;

/// What `cause` makes to be expected at the moment `at`.
double expected_rate(const Times& cause, double at, unsigned hops) {
    constexpr double longest = 1;
    auto one = std::lower_bound(cause.begin(), cause.end(), static_cast<float>(at - longest));
    double rate = 0;
    for (; one != cause.end() && *one < at; ++one)
        rate += route_density(at - *one, hops);
    return rate;
}

/// What is seen of a cause: a share of its packets, among others that come at a steady rate.
struct Model {
    unsigned hops;
    double share;
    double others;        // a second
    bool counted = true;  // how many there are says something, not only when they come
};

/// Log-likelihood ratio of `seen`, the first `observations` from `from` on, being caused by `cause`
/// against coming at an even rate. Nothing if there are fewer.
std::optional<double> score(const Times& cause, const Times& seen, const Model& model, double from,
                            std::size_t observations) {
    auto one = std::lower_bound(seen.begin(), seen.end(), static_cast<float>(from));
    if (seen.end() - one < static_cast<std::ptrdiff_t>(observations)) return std::nullopt;
    const double begin = *one;
    double sum = 0;
    for (std::size_t i = 0; i < observations; ++i, ++one)
        sum += std::log(model.share * expected_rate(cause, *one, model.hops) + model.others);
    if (!model.counted) return sum;
    const double end = *std::prev(one);
    for (const auto at : cause)
        sum -=
            model.share * (route_share(end - at, model.hops) - route_share(begin - at, model.hops));
    return sum - model.others * (end - begin) +
           static_cast<double>(observations) *
               std::log((end - begin) / static_cast<double>(observations));
}

/// The same the other way round: the client's cells against everything that came to one exit.
std::optional<double> score_merged(const Times& cells, const Times& merged, double from,
                                   double uniform, std::size_t observations) {
    auto one = std::lower_bound(cells.begin(), cells.end(), static_cast<float>(from));
    if (cells.end() - one < static_cast<std::ptrdiff_t>(observations)) return std::nullopt;
    constexpr double longest = 0.8;
    double sum = 0;
    for (std::size_t i = 0; i < observations; ++i, ++one) {
        double rate = 0;
        for (auto at = std::lower_bound(merged.begin(), merged.end(), *one);
             at != merged.end() && *at < *one + longest; ++at)
            rate += route_density(*at - *one, hops_to_exit);
        sum += std::log(0.01 + rate / uniform);
    }
    return sum;
}

struct Scores {
    std::vector<double> apart;     // of ends that do not belong together
    std::vector<double> together;  // and of those that do
};
enum Watcher { exits_links, targets_link, bad_exit, both_ends };
constexpr std::array names{"exit's links", "target's link", "bad exit", "both ends"};
using AllScores = std::array<Scores, names.size()>;

/// A client who has nothing to do with the exit of client `i`: neither its exit nor its gateway.
const Trace* elsewhere(const std::vector<Trace>& traces, std::size_t i) {
    for (std::size_t step = 1; step < traces.size(); ++step) {
        const auto& other = traces[(i + step) % traces.size()];
        if (!other.at_exit.empty() && other.exit != traces[i].exit &&
            other.gateway != traces[i].exit)
            return &other;
    }
    return nullptr;
}

void judge(const Crowd& crowd, double slots, double loops, std::size_t observations,
           AllScores& scores) {
    const auto& traces = crowd.traces();
    const double main_share = slots / (slots + loops);
    constexpr double floor = 0.5;  // a second: what no cause explains
    for (std::size_t i = 0; i < traces.size(); ++i) {
        const auto& mine = traces[i];
        const auto& other = traces[(i + 1) % traces.size()];
        const auto compare = [&](Watcher watcher, const Times& cause, const Times& not_cause,
                                 const Times& seen, const Model& model) {
            const auto own = score(cause, seen, model, settled, observations);
            const auto others = score(not_cause, seen, model, settled, observations);
            if (own) scores[watcher].together.push_back(*own);
            if (others) scores[watcher].apart.push_back(*others);
        };
        // How many writes a stream's bytes make depends on how they come in order.
        compare(targets_link, mine.up, other.up, mine.written,
                {hops_to_target, main_share, floor, false});
        compare(bad_exit, mine.up, other.up, mine.at_exit, {hops_to_exit, main_share, floor});
        compare(both_ends, mine.replied, other.replied, times_of(mine.delivered),
                {hops_back, 1, loops});
        if (mine.at_exit.empty()) continue;
        // The same exit for both, so that how busy it is tells them not apart.
        const auto& merged = crowd.into_exit()[mine.exit];
        const auto per_second = static_cast<double>(merged.size()) /
                                static_cast<double>(merged.back() - merged.front());
        const auto own = score_merged(mine.up, merged, settled, per_second, observations);
        if (own) scores[exits_links].together.push_back(*own);
        const auto* stranger = elsewhere(traces, i);
        if (!stranger) continue;
        const auto others = score_merged(stranger->up, merged, settled, per_second, observations);
        if (others) scores[exits_links].apart.push_back(*others);
    }
}

AllScores run(Defence defence, std::size_t observations, unsigned seeds, const Options& options,
              Report& report) {
    AllScores scores;
    for (unsigned i = 0; i < seeds; ++i) {
        CrowdOptions crowd;
        crowd.seed = options.seed * 1000 + 500 + i;
        crowd.clients = options.or_else(options.clients, 80u, 80u);
        crowd.busy_share = 1;
        crowd.work = Work::upload;
        crowd.bytes = 500'000;
        crowd.seconds = settled + static_cast<double>(observations) / 50 + 10;
        crowd.defence = defence;
        crowd.on_demand_rate = sparse_rate;
        crowd.network.gateways = 4;
        crowd.network.parameters.session_lifetime = base::Seconds{600};
        Crowd made{crowd};
        made.run();
        const auto& law = crowd.network.parameters;
        const auto slots =
            defence == Defence::on_demand ? sparse_rate : law.main_slots.per_second();
        judge(made, slots, law.client_loops.per_second(), observations, scores);
        report.progress("linking", (i + 1.0) / seeds);
    }
    return scores;
}

const char* name_of(Defence defence) {
    switch (defence) {
        case Defence::law:
            return "law";
        case Defence::on_demand:
            return "off";
        case Defence::poisson:
            return "poisson";
    }
    return "";
}

double show(const Scores& scores, Watcher watcher, Defence defence, std::size_t observations,
            Report& report) {
    if (scores.together.empty() || scores.apart.empty()) return 0;
    const auto rate = true_positive_rate(scores.apart, scores.together, false_alarms);
    report.row("linking", "tpr",
               {{"watcher", names[watcher]},
                {"defence", name_of(defence)},
                {"tpr", rate},
                {"fpr", false_alarms},
                {"auc", auc(scores.apart, scores.together)},
                {"observations", observations},
                {"together", scores.together.size()},
                {"apart", scores.apart.size()}});
    return rate;
}

}  // namespace

void linking(const Options& options, Report& report) {
    const auto control = run(Defence::on_demand, 100, options.full ? 6 : 2, options, report);
    report.at_least(
        "law off, flows of 10 packets a second, bad exit: TPR at FPR 0.01 after 100 observations",
        show(control[bad_exit], bad_exit, Defence::on_demand, 100, report), 0.4);
    const auto seeds = options.or_else(options.seeds, 5u, 40u);
    for (const std::size_t observations : {100, 600}) {
        // Other laws are shown beside ours; only ours is judged.
        const auto poisson = run(Defence::poisson, observations, seeds, options, report);
        // (Both ends are left out: the exits that it talks to tick by our law.)
        for (const auto watcher : {exits_links, bad_exit})
            show(poisson[watcher], watcher, Defence::poisson, observations, report);
        const auto on = run(Defence::law, observations, seeds, options, report);
        for (const auto watcher : {exits_links, targets_link, bad_exit, both_ends}) {
            const auto rate = show(on[watcher], watcher, Defence::law, observations, report);
            if (observations != 100) continue;
            report.at_least(std::string{names[watcher]} + ": pairs of ends",
                            static_cast<double>(on[watcher].together.size()), 100);
            report.at_most(std::string{names[watcher]} + ": TPR at FPR 0.01 after 100 observations",
                           rate, 0.05);
        }
    }
}

}  // namespace nightjar::privacy
