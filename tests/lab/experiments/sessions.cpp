// Whole sessions: a bad exit has the packets and replies of a session for an hour. Whose is it?
//
//   link        the exit compares the arrivals with each client's cells
//   gateway     the exit compares its replies with what each client's gateway gets for it
//   two exits   two exits compare two sessions' packets: are they one client's? By the likelihood
//               of slots that are drawn alone; "fitted", by that of a law that is learned from
//               other clients; "by counts", by the phase of each session's beat
// What headers say beside that is the experiment `headers`: nothing of time, and the order of
// blocks of 64 packets, which arrivals show as well. The score is a likelihood, with the figure
// beside it that its model expects (sessions/spectral_score.hpp): a weak score shows.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"
#include "tests/lab/sessions/flows.hpp"
#include "tests/lab/sessions/planted_flows.hpp"
#include "tests/lab/sessions/scores.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double false_alarms = 0.01;

struct Setting {
    const char* name;
    unsigned clients;
    std::size_t segments;
    double begins;  // seconds; the observed sessions have their paces
    bool busy = false;
    unsigned isolation_keys = 0;
    std::optional<sessions::Leak> planted{};
    double exits_off = 0;  // seconds
};

attacks::CrowdOptions crowd_options(const Setting& setting, std::uint64_t seed) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = setting.clients;
    crowd.busy_share = setting.busy ? 1 : 0;
    crowd.work = attacks::Work::download;
    crowd.bytes = std::size_t{1} << 40;  // lasts as long as the window
    crowd.isolation_keys = setting.isolation_keys;
    crowd.exits_off = setting.exits_off;
    crowd.network.gateways = setting.isolation_keys > 0 ? 16 : 6;
    // A client has a main session and one that lingers, from 20 s after the handover on. Isolated
    // sessions come to their paces before a handover.
    if (setting.isolation_keys > 0)
        crowd.handover_after(base::Seconds{7000}, base::Seconds{7200});
    else
        crowd.handover_after(base::Seconds{19}, base::Seconds{3600});
    crowd.seconds =
        setting.begins + static_cast<double>(setting.segments * sessions::segment_ms) / 1000 + 2;
    crowd.records_from = setting.begins - 1;
    return crowd;
}

sessions::SessionScores observe(const Setting& setting, std::uint64_t seed) {
    auto options = crowd_options(setting, seed);
    const auto begin = static_cast<std::uint32_t>(1000 * setting.begins);
    const auto end = begin + static_cast<std::uint32_t>(setting.segments) * sessions::segment_ms;
    sessions::FlowRecorder flows{options};
    attacks::Crowd crowd{options};
    crowd.run();
    return sessions::score_sessions(flows.clients(), flows.sessions(begin, end), begin,
                                    setting.segments, options.network.parameters);
}

void merge(sessions::SessionScores& all, const sessions::SessionScores& one) {
    for (const auto& [key, scores] : one) {
        auto& to = all[key];
        to.own.insert(to.own.end(), scores.own.begin(), scores.own.end());
        to.foreign.insert(to.foreign.end(), scores.foreign.begin(), scores.foreign.end());
        to.expected += scores.expected;
        to.right += scores.right;
        to.of = std::max(to.of, scores.of);
    }
}

/// The leak at which the adversary must win by naming most sessions.
sessions::Leak shown_by(const std::string& adversary) {
    if (adversary == sessions::two_exits_counts) return sessions::Leak::slots_in_turns;
    return adversary.starts_with(sessions::two_exits) ? sessions::Leak::slots_drawn_alone
                                                      : sessions::Leak::poisson;
}

void judge_control(const std::string& what, sessions::Leak leak, const std::string& adversary,
                   const sessions::Compared& found, double auc, measure::Report& report) {
    if (leak == shown_by(adversary)) {
        if (adversary == sessions::two_exits_counts)
            report.at_least(what + "AUC", auc, 0.7);
        else
            report.at_least(what + "share named",
                            found.right / static_cast<double>(found.own.size()), 0.8);
    }
    // Ticks of 15 a second show after eleven minutes; quicker ones, or sooner, hardly do.
    const auto least = found.expected / static_cast<double>(found.own.size()) - 0.1;
    if (leak == sessions::Leak::even_ticks && adversary == sessions::exit_and_gateway &&
        least > 0.55)
        report.at_least(what + "AUC, against what its model expects", auc, least);
}

/// What is claimed of one comparison, for as long as it lasts. Chance adds two deviations.
void judge_law(const std::string& what, const Setting& setting, const std::string& adversary,
               const sessions::Compared& found, double auc, measure::Report& report) {
    const auto sessions = static_cast<double>(found.own.size());
    const auto deviation = 1 / std::sqrt(12 * sessions);
    if (adversary == sessions::exit_and_link) {
        report.at_most(what + "AUC", auc, 0.53 + 2 * deviation);
        const auto chance = 1 / static_cast<double>(found.of);
        report.at_most(what + "share named", found.right / sessions,
                       chance + 0.02 + 2 * std::sqrt(chance * (1 - chance) / sessions));
    } else if (adversary == sessions::exit_and_gateway) {
        // Exits whose clocks are apart tick apart. What that shows is measured, and has no bound.
        if (setting.exits_off > 0) return;
        // Sessions of one pace have the same ticks, so a client's score is the same for each of
        // them. What the model expects is of ticks that are a session's own. That the score finds
        // those is shown by the control of even ticks, and flows_test shows whose replies are
        // whose.
        report.at_most(what + "AUC", auc, 0.51);
    } else {
        // Three scores in three settings, so chance goes farther.
        report.at_most(what + "AUC", auc, 0.53 + 3 * deviation);
    }
}

void show(const Setting& setting, const sessions::SessionScores& scores, measure::Report& report) {
    for (const auto& [key, found] : scores) {
        const auto& [adversary, kind, segments] = key;
        const auto sessions = static_cast<double>(found.own.size());
        if (found.own.size() < 5 || found.foreign.empty()) continue;
        const auto auc = measure::auc(found.foreign, found.own);
        const auto minutes = static_cast<double>(segments * sessions::segment_ms) / 60'000;
        report.row("sessions", "whose",
                   {{"setting", setting.name},
                    {"adversary", adversary},
                    {"session", kind},
                    {"minutes", minutes},
                    {"auc", auc},
                    {"expected", found.expected / sessions},
                    {"deviation", 1 / std::sqrt(12 * sessions)},
                    {"tpr", measure::true_positive_rate(found.foreign, found.own, false_alarms)},
                    {"right", found.right},
                    {"of", found.of},
                    {"sessions", found.own.size()}});
        const auto what = std::string{setting.name} + ", " + adversary + ", " + kind + ", " +
                          std::to_string(std::lround(minutes)) + " min: ";
        if (setting.planted)
            judge_control(what, *setting.planted, adversary, found, auc, report);
        else
            judge_law(what, setting, adversary, found, auc, report);
    }
}

void judge(const Setting& setting, const measure::Options& options, unsigned seeds,
           measure::Report& report) {
    const auto networks = measure::side_by_side(
        seeds, [&](std::size_t i) { return observe(setting, options.seed * 1000 + 1300 + i); },
        [&](std::size_t made) {
            report.progress(setting.name, static_cast<double>(made) / seeds);
        });
    sessions::SessionScores all;
    for (const auto& network : networks)
        merge(all, network);
    show(setting, all, report);
}

/// The control: clients that leak what the law hides.
void judge_planted(const measure::Options& options, measure::Report& report) {
    using sessions::Leak;
    const directory::Parameters law;
    for (const auto& [name, leak, clients, segments] :
         {std::tuple{"planted: Poisson slots and ticks", Leak::poisson, 24u, std::size_t{1}},
          {"planted: each slot's session drawn alone", Leak::slots_drawn_alone, 24u, 1},
          {"planted: slots in turns", Leak::slots_in_turns, 24u, 1},
          {"planted: ticks in even gaps", Leak::even_ticks, 40u, 5}}) {
        base::SeededRandom random{options.seed};
        const auto flows = sessions::plant(leak, clients, segments, law, random);
        show({name, clients, segments, 0, false, 0, leak},
             sessions::score_sessions(flows.clients, flows.sessions, sessions::planted_begin_ms,
                                      segments, law),
             report);
    }
}

}  // namespace

void sessions(const measure::Options& options, measure::Report& report) {
    judge_planted(options, report);
    const auto clients = options.or_else(options.clients, 40u, 60u);
    const auto seeds = options.or_else(options.seeds, 1u, 1u);
    const auto asked = options.seconds * 1000 / sessions::segment_ms;
    const auto segments = asked > 0      ? std::max<std::size_t>(1, std::lround(asked))
                          : options.full ? 27
                                         : 1;
    judge({"idle", clients, segments, 60}, options, seeds, report);
    const auto shorter = options.full ? std::min<std::size_t>(segments, 5) : 1;
    judge({"active", clients / 2, shorter, 60, true}, options, seeds, report);
    judge({"isolated", clients / 2, shorter, 240, true, 5}, options, seeds, report);
    if (!options.full) return;
    for (const auto& [name, off] : {std::pair{"exits' clocks off by 2 ms", 0.002},
                                    {"exits' clocks off by 5 ms", 0.005},
                                    {"exits' clocks off by 20 ms", 0.02}}) {
        Setting setting{name, clients, shorter, 60};
        setting.exits_off = off;
        judge(setting, options, seeds, report);
    }
    // The slowest sessions, where an exit's clock is apart.
    Setting slow{"isolated, exits' clocks off by 20 ms", clients / 2, shorter, 240, true, 5};
    slow.exits_off = 0.02;
    judge(slow, options, seeds, report);
}

}  // namespace nightjar::lab::experiments
