#include "tests/lab/attacks/tagging.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/attacks/tagged_world.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {
namespace {

using lab::world::OnWire;

constexpr TagAttack calm{"calm", Whose::nobodys, What::tagged};
constexpr TagAttack loops_tagged{"every loop tagged", Whose::loops, What::tagged};
constexpr TagAttack replayed{"every packet between relays sent twice, one in 20 of a client",
                             Whose::session_all, What::twice};
constexpr TagAttack some_tagged{"one in 20 of a session tagged", Whose::session_some, What::tagged};
constexpr TagAttack some_dropped{"one in 20 of a session dropped", Whose::session_some,
                                 What::dropped};
constexpr TagAttack answered{"one in 20 of a session tagged, relays answer", Whose::session_some,
                             What::answered};
constexpr TagAttack all_tagged{"all of a session tagged", Whose::session_all, What::tagged};

std::size_t differing_on_client_links(const AttackedClients& a, const AttackedClients& b) {
    const auto client_link = [](const SeenCell& seen) { return seen.client_link; };
    return differing(only(a.trace, client_link), only(b.trace, client_link));
}

std::size_t differing_before(base::Mono end, const AttackedClients& a, const AttackedClients& b) {
    const auto before = [end](const SeenCell& seen) { return seen.at < end; };
    return differing(only(a.trace, before), only(b.trace, before));
}

void trace_row(measure::Report& report, std::uint64_t seed, const char* attack, std::size_t cells,
               std::size_t touched, std::size_t everywhere, std::size_t on_client_links,
               std::size_t before_its_end) {
    report.row("active", "trace",
               {{"seed", seed},
                {"attack", attack},
                {"cells", cells},
                {"touched", touched},
                {"differing", everywhere},
                {"differing_on_client_links", on_client_links},
                {"differing_before_first_end", before_its_end}});
}

/// The control of "no cell differs": there was an attack, in each run.
void judge_touched(const std::string& attack, std::size_t fewest, measure::Report& report) {
    constexpr double least = 50;  // half of what the rarest attack touches
    report.at_least("control, " + attack + ": packets touched, fewest of a run",
                    static_cast<double>(fewest), least);
}

void real_traces(const measure::Options& options, measure::Report& report) {
    const base::Seconds length{options.full ? 60 : 5};
    const auto quiet = real_run(options.seed, length, {});
    const std::pair<const char*, Hand> hands[] = {
        {"real packets, every payload tagged",
         [](OnWire& cell) { cell.cell.body()[1400] ^= 0x10; }},
        {"real packets, every packet twice", [](OnWire& cell) { cell.copies = 2; }},
    };
    for (const auto& [name, hand] : hands) {
        const auto attacked = real_run(options.seed, length, hand);
        const auto apart = differing(attacked.trace, quiet.trace);
        trace_row(report, options.seed, name, quiet.trace.size(), attacked.touched, apart, apart,
                  apart);
        judge_touched(name, attacked.touched, report);
        report.at_most(std::string{name} + ": cells that differ on any link",
                       static_cast<double>(apart), 0);
    }
}

enum Feature : std::size_t { sent_by_exit, into_exit, sent_by_gateway, into_gateway, features };

/// Counts on the links between the mixes and both ends of the first client's session, against what
/// they were before the attack: one observation for each two seconds of its last half, when a
/// session that is given up has gone.
void observe(const AttackedClients& seen, std::uint64_t seed, bool busy,
             std::vector<measure::Observation>& out) {
    constexpr double before_s = 4;
    constexpr double window_s = 2;
    constexpr int windows = static_cast<int>(attack_s / 2 / window_s);
    std::vector<std::vector<double>> counts(windows, std::vector<double>(features));
    const auto add = [&seen](const SeenCell& cell, std::vector<double>& to, double weight) {
        if (cell.from == seen.exit) to[sent_by_exit] += weight;
        if (cell.to == seen.exit) to[into_exit] += weight;
        if (cell.from == seen.gateway) to[sent_by_gateway] += weight;
        if (cell.to == seen.gateway) to[into_gateway] += weight;
    };
    for (const auto& cell : seen.trace) {
        if (cell.client_link) continue;
        const auto at = base::to_seconds(cell.at - seen.attack_at);
        if (at >= -before_s && at < 0)
            for (auto& window : counts)
                add(cell, window, -window_s / before_s);
        if (at >= attack_s / 2 && at < attack_s)
            add(cell, counts[static_cast<std::size_t>((at - attack_s / 2) / window_s)], 1);
    }
    for (auto& window : counts)
        out.push_back({seed, busy, std::move(window)});
}

/// All runs of one attack.
struct Runs {
    const TagAttack& attack;
    unsigned most;             // so many seeds at most
    std::size_t anywhere = 0;  // cells that differ, and where
    std::size_t on_client_links = 0;
    std::size_t before_its_end = 0;
    std::size_t touched = std::numeric_limits<std::size_t>::max();  // in the run with the fewest
    std::vector<measure::Observation> observed = {};
};

/// One attack, one seed.
struct One {
    std::size_t cells = 0;  // without an attack
    std::size_t touched = 0;
    std::size_t anywhere = 0;
    std::size_t on_client_links = 0;
    std::size_t before_its_end = 0;
    std::vector<measure::Observation> observed = {};
};

One run(const TagAttack& attack, std::uint64_t seed, const AttackedClients& quiet) {
    const auto attacked = run_attacked(seed, attack);
    One one{.cells = quiet.trace.size(),
            .touched = attacked.touched,
            .anywhere = differing(attacked.trace, quiet.trace),
            .on_client_links = differing_on_client_links(attacked, quiet),
            .before_its_end = differing_before(attacked.first_end, attacked, quiet)};
    observe(quiet, seed, false, one.observed);
    observe(attacked, seed, true, one.observed);
    return one;
}

void note(Runs& runs, const One& one, std::uint64_t seed, measure::Report& report) {
    trace_row(report, seed, runs.attack.name, one.cells, one.touched, one.anywhere,
              one.on_client_links, one.before_its_end);
    runs.anywhere += one.anywhere;
    runs.on_client_links += one.on_client_links;
    runs.before_its_end += one.before_its_end;
    runs.touched = std::min(runs.touched, one.touched);
    runs.observed.insert(runs.observed.end(), one.observed.begin(), one.observed.end());
}

void judge_everywhere(const Runs& runs, measure::Report& report) {
    judge_touched(runs.attack.name, runs.touched, report);
    report.at_most(std::string{runs.attack.name} + ": cells that differ on any link",
                   static_cast<double>(runs.anywhere), 0);
}

/// So much an AUC's bound may be: chance alone stays below it. In the reduced form an AUC of 0.50
/// has a deviation of 0.02.
double reaction_most(const measure::Options& options) {
    return options.full ? 0.55 : 0.60;
}

void judge_session(Runs& runs, const measure::Options& options, measure::Report& report) {
    base::SeededRandom random{options.seed};
    // What was dropped is missing where it was going to: only what both ends send can be a
    // reaction.
    if (runs.attack.what == What::dropped)
        for (auto& one : runs.observed)
            one.features = {one.features[sent_by_exit], one.features[sent_by_gateway]};
    const auto bound = cross_bound(cross_fitted(runs.observed), random);
    const std::string name = runs.attack.name;
    const bool control =
        runs.attack.whose == Whose::session_all || runs.attack.what == What::answered;
    report.row("active", "tagged_session",
               {{"attack", name},
                {"observations", runs.observed.size() / 2},
                {"auc", bound.point},
                {"auc_upper", bound.upper},
                {"control", control}});
    judge_touched(name, runs.touched, report);
    if (runs.attack.what == What::answered)
        return report.at_least(name + ": AUC at both ends of the mixes (control)", bound.upper,
                               reaction_most(options));
    report.at_most(name + ": cells that differ on clients' links",
                   static_cast<double>(runs.on_client_links), 0);
    // One that is dropped is missing at once, and the next relay draws for fewer from then on.
    if (runs.attack.what == What::tagged)
        report.at_most(name + ": cells that differ before the first one's end",
                       static_cast<double>(runs.before_its_end), 0);
    if (control)
        report.at_least(name + ": AUC at the exit (control)", bound.point, 0.95);
    else
        report.at_most(name + ": AUC at both ends of the mixes, 95 % bound", bound.upper,
                       reaction_most(options));
}

}  // namespace

void tagging(const measure::Options& options, measure::Report& report) {
    real_traces(options, report);
    const auto seeds = options.or_else(options.seeds, 96u, 200u);
    const unsigned few = options.full ? 20 : 2;
    Runs everywhere[] = {{loops_tagged, few}, {replayed, few}};
    Runs sessions[] = {
        {some_tagged, seeds}, {some_dropped, seeds}, {answered, seeds}, {all_tagged, 8}};
    std::vector<Runs*> all;
    for (auto& runs : sessions)
        all.push_back(&runs);
    for (auto& runs : everywhere)
        all.push_back(&runs);
    const auto each = measure::side_by_side(
        seeds,
        [&](std::size_t i) {
            const auto quiet = run_attacked(options.seed + i, calm);
            std::vector<One> attacks;
            for (const auto* runs : all)
                if (i < runs->most) attacks.push_back(run(runs->attack, options.seed + i, quiet));
            return attacks;
        },
        [&](std::size_t made) { report.progress("tagging", made / double(seeds)); });
    for (std::size_t i = 0; i < seeds; ++i) {
        auto one = each[i].begin();
        for (auto* runs : all)
            if (i < runs->most) note(*runs, *one++, options.seed + i, report);
    }
    for (const auto& one : everywhere)
        judge_everywhere(one, report);
    for (auto& one : sessions)
        judge_session(one, options, report);
}

}  // namespace nightjar::lab::attacks
