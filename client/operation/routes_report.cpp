#include "client/operation/routes_report.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/operation/exit_country.hpp"
#include "client/operation/guard_file.hpp"
#include "client/operation/odds.hpp"
#include "client/operation/state.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::client::operation {

using Json = nlohmann::ordered_json;
using node::process::ExitCode;

namespace {

constexpr std::array horizons_days{0, 30, 90, 365};

struct Row {
    const char* key;
    const char* text;
    const char* learns;
};
constexpr std::array<Row, 4> rows{{
    {"gateway", "your gateway", "your address and when you are online; not what you do"},
    {"exit", "an exit of yours", "the targets of some sessions; not who you are"},
    {"both", "both of them", "who uses which targets, as far as they can match times"},
    {"route", "both, and a kept mix", "the whole way of some of your packets"},
}};

/// What the client keeps: its gateway, and the exits and mixes in use.
struct Kept {
    GatewayChoice gateway;
    core::GuardState guards;
    directory::Document document;
};

Kept load(const Config& config) {
    const auto none = node::process::StartupError{
        ExitCode::failure, config.state_dir.string() +
                               " keeps no relays yet; run the client once, with: nightjar run"};
    // A StateDir would create the folder.
    const auto guards = config.state_dir / "guards.yaml";
    if (::access(guards.c_str(), F_OK) != 0) throw none;
    const StateDir state{config.state_dir};
    const auto gateway = state.gateway();
    const auto text = state.document_text();
    if (!gateway || !text) throw none;
    auto document = directory::parse(*text);
    if (!document) throw none;
    return {*gateway, load_guards(guards), *std::move(document)};
}

Json relay(const directory::Document& document, const base::NodeId& id, base::Wall until) {
    const auto* found = document.find(id);
    return {
        {"name", found != nullptr && !found->name.empty() ? found->name : base::to_hex(id.bytes)},
        {"until", base::unix_seconds(until)}};
}

/// Exits and mixes behind these in the lists only stand in for others.
constexpr core::GuardRules in_use;

/// The group that the user chose, and what that costs.
Json group_of(const directory::Document& document, const std::string& country, double bad) {
    const auto group = directory::exit_group(document, country);
    const auto exits = in_use.exits;
    Json said{{"country", country},
              {"large_enough", directory::is_large(group)},
              {"exits", group.exits},
              {"exits_in_all", group.exits_in_all},
              {"operators", group.operators},
              {"share", group.share},
              {"chance_by_luck", directory::chance_by_luck(group, exits)},
              {"bad_share", bad_in_group(group, bad)},
              {"cost", cost_of(group, country, bad)}};
    return said;
}

Json report_of(const Kept& kept, const std::string& country, base::Wall now, double bad) {
    Json report{{"bad_share", bad},
                {"gateway", relay(kept.document, kept.gateway.gateway, kept.gateway.until)},
                {"exits", Json::array()},
                {"mixes", Json::array()},
                {"odds", Json::array()}};
    if (!country.empty()) report["exit_country"] = group_of(kept.document, country, bad);
    KeptUntil until{.gateway = kept.gateway.until, .exits = {}, .mixes = {}};
    const auto add = [&](const core::GuardList& list, std::size_t places, const char* key,
                         std::vector<base::Wall>& ends) {
        for (const auto& guard : list.kept) {
            if (ends.size() == places) break;
            // Exits of other countries stay in the list, and are not used.
            const auto* found = kept.document.find(guard.relay);
            if (&list == &kept.guards.exits && !country.empty() &&
                (found == nullptr || found->country != country))
                continue;
            report[key].push_back(relay(kept.document, guard.relay, guard.until));
            ends.push_back(guard.until);
        }
    };
    add(kept.guards.exits, in_use.exits, "exits", until.exits);
    add(kept.guards.mixes, in_use.mixes, "mixes", until.mixes);
    std::optional<double> bad_exit;
    if (!country.empty())
        bad_exit = bad_in_group(directory::exit_group(kept.document, country), bad);
    for (const auto days : horizons_days) {
        const auto odds = odds_after(until, now, days * base::Seconds{86'400}, bad, bad_exit);
        report["odds"].push_back({{"days", days},
                                  {"gateway", odds.gateway},
                                  {"exit", odds.exit},
                                  {"both", odds.both},
                                  {"route", odds.route}});
    }
    return report;
}

void print(const Json& report) {
    const auto line = [](const char* what, const Json& of) {
        const base::Wall until{base::Seconds{of["until"].get<std::int64_t>()}};
        std::printf("%-22s%s, until %s\n", what, of["name"].get<std::string>().c_str(),
                    base::utc_text(until).c_str());
    };
    line("gateway", report["gateway"]);
    for (const auto& exit : report["exits"])
        line("exit", exit);
    for (const auto& mix : report["mixes"])
        line("kept mix", mix);
    if (report.contains("exit_country"))
        for (const auto& sentence : report["exit_country"]["cost"])
            std::printf("\n%s\n", sentence.get<std::string>().c_str());
    std::printf(
        "\nIf relays with %g %% of the capacity%s work together, the chance that they "
        "have\n\n%-22s",
        100 * report["bad_share"].get<double>(),
        report.contains("exit_country") ? ", all their exits in your country," : "", "");
    for (const auto& odds : report["odds"]) {
        const auto days = odds["days"].get<int>();
        std::printf("%12s", days == 0 ? "now" : ("in " + std::to_string(days) + " d").c_str());
    }
    std::printf("   and then they know\n");
    for (const auto& row : rows) {
        std::printf("%-22s", row.text);
        for (const auto& odds : report["odds"])
            std::printf("%10.2f %%", 100 * odds[row.key].get<double>());
        std::printf("   %s\n", row.learns);
    }
}

}  // namespace

ExitCode show_routes(const Config& config, double bad, bool json) {
    const auto report =
        report_of(load(config), config.exit_country, node::process::wall_now(), bad);
    if (json)
        std::printf("%s\n", report.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
    else
        print(report);
    return ExitCode::ok;
}

}  // namespace nightjar::client::operation
