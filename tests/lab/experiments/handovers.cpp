// Handovers: an observer of all links knows when clients connect, leave and hand over, because
// connecting shows on the client's link and the rest follows from it. It looks for the exit whose
// totals change at that moment. The moment itself is taken from the truth; an attacker tries a few.
// So is the kind of a handover: most keep the client's exit, and then there is nothing to find.
//
// Exits without cover are measured, and exits that fill what they get and send to two levels
// (relay/core/exit_level.hpp). Other cover is added to the measured totals of exits without any, by
// a model: Poisson loops, levels with other headroom, or a level for what the exit gets as well
// (attacks/exit_totals.hpp).
//
// A total says nothing of the moments within a gap. So the observer also compares the beat of what
// each exit sends (measure/beat.hpp), which cover at random moments does not change.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <tuple>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/exit_totals.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/experiments/handover_scores.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"

namespace nightjar::lab::experiments {
namespace {

using namespace handover;

constexpr const char* product = "product's two levels, 0.05 and one root";
/// Parameters::exit_room, and the names of their rows.
struct Room {
    std::uint32_t thousandths;
    const char* name;
};
constexpr std::array rooms{Room{1000, product}, Room{250, "product's two levels, room 0.25"},
                           Room{500, "product's two levels, room 0.5"},
                           Room{2000, "product's two levels, room 2"},
                           Room{4000, "product's two levels, room 4"}};

const char* name_of(What what) {
    switch (what) {
        case What::connects:
            return "connects";
        case What::handover:
            return "handover";
        case What::after:
            return "handover after";
        case What::stays:
            return "handover, exit kept";
        case What::leaves:
            return "leaves";
    }
    return "";
}

std::vector<Cover> covers(double every) {
    using Law = ExitCover::Law;
    return {{"none", {.every = every}},
            {"Poisson loops, 0.1", {Law::poisson, 0.1, 0, every}},
            {"level, 0.1", {Law::level, 0.1, 0, every}},
            {"level, 0.05 and one root", {Law::level, 0.05, 1, every}},
            {"level, 0.05 and two roots", {Law::level, 0.05, 2, every}},
            {"two levels, 0.05 and one root", {Law::two_levels, 0.05, 1, every}}};
}

attacks::CrowdOptions crowd_options(const Setting& setting, std::uint64_t seed) {
    attacks::CrowdOptions options;
    options.seed = seed;
    options.clients = 2 * setting.clients;
    options.busy_share = 0;
    options.seconds = setting.seconds;
    options.connects_within = setting.seconds;
    options.first_share = 0.5;
    options.stays = setting.seconds;
    options.network.gateways = setting.exits;
    options.network.parameters = {};
    options.network.parameters.session_lifetime =
        base::Seconds{static_cast<std::int64_t>(setting.lifetime)};
    options.network.mixes_per_layer = setting.exits;
    // Short lifetimes need a short grid.
    if (setting.lifetime < 600) options.network.parameters.session_grid = base::Seconds{2};
    return options;
}

double sum_of(const attacks::Bins& bins) {
    double sum = 0;
    for (const auto& exit : bins)
        sum = std::accumulate(exit.begin(), exit.end(), sum);
    return sum;
}

/// Exits with two levels draw them so long after a multiple of the lifetime. A world begins at a
/// multiple of the lifetimes that are used here.
Cover product_cover(const Room& room, const Setting& setting) {
    const auto drawn =
        std::min(base::to_seconds(relay::core::ExitLevel::settled), setting.lifetime / 2);
    return {room.name, {.law = ExitCover::Law::none, .every = setting.lifetime}, drawn};
}

/// The same network with two levels. `without`: its cells and replies if there are none.
void observe_product(const Setting& setting, const Room& room, std::uint64_t seed,
                     const attacks::ExitTotals& without, Result& result) {
    auto options = crowd_options(setting, seed);
    options.network.parameters.exit_room = room.thousandths;
    attacks::TotalsWatcher watcher{options};
    attacks::Crowd crowd{options};
    crowd.run();
    const auto totals = watcher.totals(crowd);
    const auto cover = product_cover(room, setting);
    const auto events = watcher.events(crowd);
    look(totals, events, cover, setting, result);
    look_at_beats(watcher.sent_by_millisecond(), events, cover, setting, result);
    result.cover[room.name] =
        (sum_of(totals.sent) - sum_of(without.sent)) / (sum_of(totals.pace) * attacks::bin_seconds);
}

/// One run of exits with the room of 1, which is also seen without its cover.
Result observe_long(const Setting& setting, std::uint64_t seed) {
    auto options = crowd_options(setting, seed);
    options.network.parameters.exit_room = rooms[0].thousandths;
    attacks::TotalsWatcher watcher{options, true};
    attacks::Crowd crowd{options};
    crowd.run();
    const auto events = watcher.events(crowd);
    auto totals = watcher.totals(crowd);
    const auto cover = product_cover(rooms[0], setting);
    Result result;
    look(totals, events, cover, setting, result);
    look_at_beats(watcher.sent_by_millisecond(), events, cover, setting, result);
    const auto& without = watcher.without_cover();
    result.cover[rooms[0].name] = without.cover;
    totals.sent = without.sent;
    const Cover none{"none", {.every = setting.lifetime}, cover.phase};
    look(totals, events, none, setting, result);
    look_at_beats(without.sent_by_millisecond, events, none, setting, result);
    return result;
}

Result observe(const Setting& setting, std::uint64_t seed) {
    if (setting.is_long()) return observe_long(setting, seed);
    auto options = crowd_options(setting, seed);
    attacks::TotalsWatcher watcher{options};
    attacks::Crowd crowd{options};
    crowd.run();
    const auto totals = watcher.totals(crowd);
    const auto events = watcher.events(crowd);
    Result result;
    base::SeededRandom random{seed};
    for (const auto& cover : covers(setting.lifetime)) {
        const auto covered =
            attacks::with_cover(totals, cover.law, options.network.parameters, random);
        look(covered, events, cover, setting, result);
        result.cover[cover.name] = covered.cover;
        if (cover.law.law == ExitCover::Law::none)
            look_at_beats(watcher.sent_by_millisecond(), events, cover, setting, result);
    }
    for (const auto& room : rooms)
        if (setting.covers == Covers::models_and_all_rooms || room.thousandths == 1000)
            observe_product(setting, room, seed, totals, result);
    return result;
}

bool is_beat(const char* link) {
    return std::any_of(beats.begin(), beats.end(),
                       [link](const Beat& beat) { return beat.link == link; });
}

double above_chance(const Count& count, const Setting& setting) {
    return static_cast<double>(count.right) / static_cast<double>(count.events) -
           1.0 / (setting.exits - 1);
}

/// What may be found above chance. With the product's lifetimes it is the goal; two deviations of
/// chance come to it.
double bound(double usual, const Count& count, const Setting& setting) {
    if (!setting.is_long()) return usual;
    constexpr double goal = 0.05;
    const auto chance = 1.0 / (setting.exits - 1);
    return goal + 2 * std::sqrt(chance * (1 - chance) / static_cast<double>(count.events));
}

/// What the verdicts are about.
struct Verdicts {
    double best_without = 0, best_beat_without = 0;
    // With the product's levels, by what exits send at the moment itself: all kinds of events at
    // which an exit's sessions change, and of these the handovers. By the beat the same, by each of
    // its scores.
    Count at_once, moved;
    std::map<std::string, Count> by_beat;

    void take(const Key& key, const Count& count);
    void report(const Setting& setting, measure::Report& report) const;
};

void Verdicts::take(const Key& key, const Count& count) {
    const auto& [cover, what, link, window, at_next] = key;
    const auto add = [&](Count& to) {
        to.right += count.right;
        to.events += count.events;
    };
    if (cover == product && what != What::stays && std::string{link} == "sent" &&
        window == windows[0] && !at_next) {
        add(at_once);
        if (what == What::handover) moved = count;
    }
    if (cover == product && what != What::stays && is_beat(link) && window == beat_windows[0])
        add(by_beat[link]);
    if (cover == "none" && what == What::connects && link != middle_link && count.events >= 5) {
        auto& best = is_beat(link) ? best_beat_without : best_without;
        best = std::max(best, static_cast<double>(count.right) / static_cast<double>(count.events));
    }
}

void Verdicts::report(const Setting& setting, measure::Report& report) const {
    report.at_least(
        "exits without cover, " + setting.name + ": a client's exit found when it connects",
        best_without, 0.5);
    // The control of the beat: without cover an exit cannot hide it.
    report.at_least("exits without cover, " + setting.name +
                        ": a client's exit found by the beat when it connects",
                    best_beat_without, 0.5);
    // A few exits have more sessions than their level. Then the next to come shows.
    report.at_most("exits with a level, " + setting.name +
                       ": exit found by a change of what it sends, above chance",
                   above_chance(at_once, setting), bound(0.2, at_once, setting));
    // Where each session has a phase of its own, one train finds 0.7 above chance.
    for (const auto& [link, count] : by_beat)
        report.at_most(
            "exits with a level, " + setting.name + ": exit found by " + link + ", above chance",
            above_chance(count, setting), bound(0.2, count, setting));
    // The goal is 0.05. Few handovers in a run change the exit, so chance goes far.
    report.at_most("exits with a level, " + setting.name +
                       ": exit found after a handover that changes it, above chance",
                   above_chance(moved, setting), bound(0.35, moved, setting));
}

void judge(const Setting& setting, const measure::Options& options, measure::Report& report,
           unsigned seeds) {
    const auto networks = measure::side_by_side(
        seeds, [&](std::size_t i) { return observe(setting, options.seed * 1000 + 900 + i); },
        [&](std::size_t made) {
            report.progress(setting.name, static_cast<double>(made) / seeds);
        });
    Result all;
    for (const auto& network : networks) {
        for (const auto& [key, count] : network.counts) {
            all.counts[key].right += count.right;
            all.counts[key].events += count.events;
        }
        for (const auto& [name, cover] : network.cover)
            all.cover[name] += cover / seeds;
    }
    Verdicts verdicts;
    for (const auto& [key, count] : all.counts) {
        const auto& [cover, what, link, window, at_next] = key;
        const auto right = static_cast<double>(count.right) / static_cast<double>(count.events);
        report.row("handovers", "found",
                   {{"setting", setting.name},
                    {"clients", setting.clients},
                    {"exits", setting.exits},
                    {"cover", cover},
                    {"cells", all.cover[cover]},
                    {"what", name_of(what)},
                    {"link", link},
                    {"window", window},
                    {"at_next_level", at_next},
                    {"right", right},
                    {"events", count.events},
                    {"chance", 1.0 / (link == middle_link ? setting.exits : setting.exits - 1)}});
        verdicts.take(key, count);
    }
    verdicts.report(setting, report);
}

}  // namespace

void handovers(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 1u, 4u);
    if (options.hours > 0) {
        Setting setting{"the product's lifetimes",
                        options.or_else(options.clients, 24u, 24u),
                        options.or_else(options.exits, 6u, 6u),
                        3600,
                        3600.0 * options.hours,
                        Covers::of_product};
        if (options.lifetime != 0)
            setting.name = "lifetimes of " + std::to_string(options.lifetime) + " s";
        setting.name += ", " + std::to_string(setting.clients) + " clients, " +
                        std::to_string(setting.exits) + " exits";
        judge(setting, options, report, options.or_else(options.seeds, 1u, 1u));
        return;
    }
    // A client keeps its exit for 4 to 12 lifetimes, so a run has more of them.
    judge({"24 clients, 6 exits", 24, 6, 60, options.or_else(options.seconds, 600.0, 1200.0),
           options.full ? Covers::models_and_all_rooms : Covers::models_and_room_1},
          options, report, seeds);
    if (!options.full) return;
    judge({"100 clients, 10 exits", 100, 10, 60, 1200}, options, report, std::max(2u, seeds / 2));
}

}  // namespace nightjar::lab::experiments
