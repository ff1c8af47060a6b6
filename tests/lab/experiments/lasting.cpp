// Routes that last: 90 days of sessions in a network that changes, with exits and kept mixes drawn
// for each session, and kept for weeks.
#include "tests/lab/attacks/lasting.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

using client::core::GuardRules;

constexpr unsigned days = 90;
constexpr double day_s = 86'400;
constexpr base::Seconds week{7 * 86'400};

struct Setting {
    const char* name;
    std::optional<GuardRules> rules;  // none: drawn for each session
    bool always;                      // in the reduced form as well
};

GuardRules rules(std::size_t exits, std::size_t mixes, int weeks_min, int weeks_max) {
    return {exits, mixes, weeks_min * week, weeks_max * week};
}

const Setting settings[] = {
    {"each session", std::nullopt, true},           {"product", GuardRules{}, true},
    {"2 mixes", rules(3, 2, 6, 12), true},          {"3 mixes", rules(3, 3, 6, 12), false},
    {"4 mixes", rules(3, 4, 6, 12), false},         {"5 exits", rules(5, 1, 6, 12), false},
    {"8 exits", rules(8, 1, 6, 12), false},         {"2 to 4 weeks", rules(3, 1, 2, 4), true},
    {"12 to 24 weeks", rules(3, 1, 12, 24), false},
};

using Times = std::vector<std::optional<base::Seconds>>;

double share_within(const Times& times, double seconds) {
    const auto count = std::count_if(times.begin(), times.end(), [seconds](const auto& time) {
        return time && base::to_seconds(*time) < seconds;
    });
    return static_cast<double>(count) / static_cast<double>(times.size());
}

/// In days; null if less than half of the clients have one.
nlohmann::json median_days(const Times& times) {
    std::vector<double> sorted;
    for (const auto& time : times)
        sorted.push_back(time ? base::to_seconds(*time) / day_s : 1e9);
    const auto middle = measure::quantile(sorted, 0.5);
    return middle < 1e8 ? nlohmann::json(middle) : nlohmann::json();
}

struct Lives {
    Times routes, exits, driven;
    double exits_met = 0, mixes_met = 0, failed = 0;  // means
    double moved_a_day = 0;
    std::array<double, 3> bad_in{};  // the shares of bad mixes in the layers on the last day
};

Lives live(const measure::Options& options, const Setting& setting, double bad,
           attacks::Layering layering = attacks::Layering::middle) {
    base::SeededRandom random{options.seed * 100 + static_cast<std::uint64_t>(bad * 100)};
    Lives lives;
    const auto networks = options.or_else(options.seeds, 4u, 20u);
    const auto clients = options.or_else(options.clients, 50u, 100u);
    for (unsigned i = 0; i < networks; ++i) {
        const attacks::ChangingNetwork network{days, bad, random, layering};
        lives.moved_a_day += network.moved_a_day() / networks;
        for (std::uint8_t layer = 1; layer <= 3; ++layer)
            lives.bad_in[layer - 1] +=
                network.bad_in(layer, base::Seconds{(days - 1) * 86'400}) / networks;
        for (unsigned k = 0; k < clients; ++k) {
            const auto met = attacks::live(network, setting.rules, random);
            lives.routes.push_back(met.bad_route);
            lives.exits.push_back(met.bad_exit);
            lives.exits_met += static_cast<double>(met.exits) / (networks * clients);
            lives.mixes_met += static_cast<double>(met.mixes) / (networks * clients);
            lives.failed += static_cast<double>(met.failed) / (networks * clients);
            lives.driven.push_back(attacks::driven(network, setting.rules, random));
        }
    }
    return lives;
}

void write(measure::Report& report, const Setting& setting, double bad, const Lives& lives) {
    report.row("routes", "lasting",
               {{"rule", setting.name},
                {"bad_share", bad},
                {"clients", lives.routes.size()},
                {"route_day", share_within(lives.routes, day_s)},
                {"route_month", share_within(lives.routes, 30 * day_s)},
                {"route_90", share_within(lives.routes, days * day_s)},
                {"route_median_days", median_days(lives.routes)},
                {"exit_day", share_within(lives.exits, day_s)},
                {"exit_month", share_within(lives.exits, 30 * day_s)},
                {"exit_90", share_within(lives.exits, days * day_s)},
                {"exit_median_days", median_days(lives.exits)},
                {"exits_met", lives.exits_met},
                {"mixes_met", lives.mixes_met},
                {"failed", lives.failed},
                {"driven_10_min", share_within(lives.driven, 600)},
                {"driven_day", share_within(lives.driven, day_s)}});
    std::vector<double> hours;
    for (double at = 1; at < 24 * days; at *= 1.4)
        hours.push_back(at);
    hours.push_back(24 * days);
    for (const auto at : hours)
        report.row("routes", "lasting_curve",
                   {{"rule", setting.name},
                    {"bad_share", bad},
                    {"days", at / 24},
                    {"route", share_within(lives.routes, 3600 * at)},
                    {"exit", share_within(lives.exits, 3600 * at)}});
}

/// The share of clients that meet a bad relay if each draws `drawn` relays.
double by_chance(double bad, double drawn) {
    return 1 - std::pow(1 - bad, drawn);
}

struct LayeringCase {
    const char* name;
    attacks::Layering layering;
};
constexpr LayeringCase layerings[] = {
    {"layers fixed", attacks::Layering::fixed},
    {"layers by the rule", attacks::Layering::placed},
    {"and bad mixes oldest", attacks::Layering::placed_old},
    {"a third oldest, the rest newest", attacks::Layering::placed_split}};

/// What re-placement costs: mixes of three layers come and go, and the product's rule moves those
/// that stay.
void placed(const measure::Options& options, measure::Report& report) {
    const Setting product{"product", GuardRules{}, true};
    for (const auto bad : {0.05, 0.1}) {
        const auto percent = std::to_string(std::lround(100 * bad)) + " % bad: ";
        for (const auto& [name, layering] : layerings) {
            report.progress(std::string{"90 days, "} + name, bad);
            const auto lives = live(options, product, bad, layering);
            report.row("routes", "placed",
                       {{"layers", name},
                        {"bad_share", bad},
                        {"clients", lives.routes.size()},
                        {"route_day", share_within(lives.routes, day_s)},
                        {"route_month", share_within(lives.routes, 30 * day_s)},
                        {"route_90", share_within(lives.routes, days * day_s)},
                        {"route_median_days", median_days(lives.routes)},
                        {"mixes_met", lives.mixes_met},
                        {"failed", lives.failed},
                        {"moved_a_day", lives.moved_a_day},
                        {"bad_in_1", lives.bad_in[0]},
                        {"bad_in_2", lives.bad_in[1]},
                        {"bad_in_3", lives.bad_in[2]}});
            const auto moved = percent + name + ": mixes that change their layer in a day";
            if (layering == attacks::Layering::fixed)
                report.at_most(moved, lives.moved_a_day, 0);
            else
                report.at_most(moved, lives.moved_a_day, 0.02);
        }
    }
}

}  // namespace

void lasting(const measure::Options& options, measure::Report& report) {
    placed(options, report);
    for (const auto& setting : settings) {
        if (!options.full && !setting.always) continue;
        for (const auto bad : {0.05, 0.1}) {
            report.progress(std::string{"90 days, "} + setting.name, bad);
            const auto lives = live(options, setting, bad);
            write(report, setting, bad, lives);
            const auto percent = std::to_string(std::lround(100 * bad)) + " % bad: ";
            const auto route = share_within(lives.routes, days * day_s);
            const auto exit = share_within(lives.exits, days * day_s);
            const auto driven = share_within(lives.driven, day_s);
            if (!setting.rules) {
                report.at_least("control, drawn for each session, " + percent +
                                    "clients with a bad route within a month",
                                share_within(lives.routes, 30 * day_s), 0.99);
                report.at_least("control, drawn for each session, " + percent +
                                    "clients driven to a bad exit within a day",
                                driven, 0.99);
            } else if (std::string{setting.name} == "product") {
                // A client meets five mixes and seven exits on average: those in use, those that
                // take their place after weeks, and those that help out while one is down.
                report.at_most(percent + "clients with a bad route within 90 days", route,
                               by_chance(bad, 7));
                report.at_most(percent + "clients at a bad exit within 90 days", exit,
                               by_chance(bad, 10));
                report.at_most(percent + "exits met within 90 days, mean", lives.exits_met, 8);
                const auto most = by_chance(bad, client::core::guard_exits_max);
                report.at_most(percent + "clients driven to a bad exit within a day", driven,
                               most + 4 * std::sqrt(most * (1 - most) /
                                                    static_cast<double>(lives.driven.size())));
            }
        }
    }
}

}  // namespace nightjar::lab::experiments
