// What a client's own gateway learns about single packets and about changes of sessions: which
// delivery is a loop and which a reply, which packet up is a loop and which goes to an exit, and
// whether the client's sessions have just changed. (Whether the client is busy: observer.cpp.)
//
// Three defences protect against this. Each is removed in a control, in which the same features and
// the same discriminant must succeed:
// - Slots and replies do not depend on applications. Control: they come only during a transfer, as
// fast as possible, so loops stand out.
// - The mixes next to the gateway are drawn anew for each packet. Control: with fixed_hops 3 a
// session keeps them, so loops and handovers take visibly other routes.
// - Exits have a stock of SURBs, and slots have room for more. Control: a new session takes SURBs
// from the one before it, so replies are missing.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sphinx/stream/header.hpp"
#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/features.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double settled = 8;    // seconds; from then on the first session is open
constexpr double change_s = 38;  // seconds; the paces change; before, the next session is on trial
constexpr double window_s = 48;
// Seconds around a packet: a route's longest delay before it, and a round trip's after it.
constexpr float looks_back = 0.8f;
constexpr float looks_ahead = 1.2f;
constexpr float bin_s = 0.05f;
constexpr unsigned bins = 40;
/// With so many mixes a loop seldom passes the mix that a session keeps. Otherwise the control with
/// fixed hops could not succeed.
constexpr unsigned mixes_per_layer = 16;

/// Seconds to the nearest event before `at`, and to the nearest one after it.
std::array<double, 2> around(const attacks::Times& times, float at) {
    constexpr double none = 1;
    const auto next = std::upper_bound(times.begin(), times.end(), at + 1e-6f);
    const auto before = std::lower_bound(times.begin(), times.end(), at - 1e-6f);
    return {before == times.begin() ? none : static_cast<double>(at - *std::prev(before)),
            next == times.end() ? none : static_cast<double>(*next - at)};
}

/// A packet's features: its neighbours in time in both directions, how often this client uses its
/// relay, and the number of deliveries around it. Replies have a constant pace, so a loop is one
/// delivery too many.
attacks::Row packet_features(const attacks::Trace::Passed& one, const attacks::Times& same_way,
                             const attacks::Times& other_way, const attacks::Times& deliveries,
                             const std::map<std::uint32_t, double>& by_relay, double all) {
    const auto same = around(same_way, one.at);
    const auto other = around(other_way, one.at);
    attacks::Row row{same[0], same[1], other[0], other[1], by_relay.at(one.relay) / all};
    auto bin = std::lower_bound(deliveries.begin(), deliveries.end(), one.at - looks_back);
    for (unsigned i = 1; i <= bins; ++i) {
        const auto end = std::lower_bound(bin, deliveries.end(), one.at - looks_back + bin_s * i);
        row.push_back(static_cast<double>(end - bin));
        bin = end;
    }
    return row;
}

void note_packets(const std::vector<attacks::Trace::Passed>& packets,
                  const attacks::Times& other_way, const attacks::Times& deliveries,
                  std::uint64_t seed, std::vector<measure::Observation>& out) {
    const auto times = times_of(packets);
    std::map<std::uint32_t, double> by_relay;
    for (const auto& one : packets)
        ++by_relay[one.relay];
    for (const auto& one : packets)
        if (one.at > settled && one.at < window_s - looks_ahead)
            out.push_back({seed, one.loop,
                           packet_features(one, times, other_way, deliveries, by_relay,
                                           static_cast<double>(packets.size()))});
}

/// How far a client's choice of mixes differs from a uniform one, by its most used mix, in standard
/// deviations. The mean over clients is zero if the choice is uniform.
double uneven(const std::vector<attacks::Trace::Passed>& packets, std::size_t mixes) {
    std::map<std::uint32_t, double> by_relay;
    for (const auto& one : packets)
        ++by_relay[one.relay];
    const auto n = static_cast<double>(packets.size());
    const auto expected = n / static_cast<double>(mixes);
    double chi = 0;
    for (const auto& [relay, count] : by_relay)
        chi += (count - expected) * (count - expected) / expected;
    chi += static_cast<double>(mixes - by_relay.size()) * expected;
    const auto freedom = static_cast<double>(mixes - 1);
    return (chi - freedom) / std::sqrt(2 * freedom);
}

/// The questions, and the defences that the controls remove.
constexpr auto replies = "loops among replies, delivered";
constexpr auto to_exits = "loops among packets to exits";
constexpr auto on_trial = "windows with a session on trial";
constexpr auto handover = "windows with a handover";
constexpr auto up = "packets up";
constexpr auto down = "deliveries";
constexpr auto law_off = "law off";
constexpr auto kept = "next mixes kept";
constexpr auto no_stock = "no SURBs in stock";

enum class Off { nothing, law, next_hops, stock };

/// One network. With handovers every few seconds most windows contain a change; with none for an
/// hour no window does.
struct Network {
    Off off = Off::nothing;
    std::uint64_t seed = 0;
    bool changing = false;
};

struct Seen {
    std::vector<measure::Observation> deliveries;  // busy: the delivery is a loop
    std::vector<measure::Observation> packets_up;
    std::vector<measure::Observation>
        trials;  // busy: a session opens in the window and is on trial
    std::vector<measure::Observation> changes;  // busy: the window contains a whole handover
    std::vector<double> up_uneven;
    std::vector<double> down_uneven;
};

attacks::CrowdOptions crowd_options(const Network& network, unsigned clients) {
    attacks::CrowdOptions options;
    // One seed per network: the discriminant must be tested on networks that did not train it.
    options.seed = network.seed * 2 + (network.changing ? 1 : 0);
    options.clients = clients;
    options.seconds = window_s;
    options.network.mixes_per_layer = mixes_per_layer;
    auto& parameters = options.network.parameters;
    if (!network.changing) options.handover_after(base::Seconds{3000}, base::Seconds{3600});
    if (network.off == Off::next_hops) parameters.fixed_hops = options.network.layers;
    if (network.off == Off::stock) {
        // Each slot carries surbs_max SURBs, exactly as many as the replies spend.
        parameters.main_slots.milli = parameters.replies.milli / std::uint32_t{stream::surbs_max};
        parameters.surb_margin = 0;
    }
    if (network.off == Off::law) {
        options.defence = attacks::Defence::on_demand;
        options.busy_share = 1;
        options.bytes = 250'000;
        options.begins_within = window_s;
        // Nothing limits its rate either: it transfers for half a second at line speed.
        parameters.main_slots = parameters.replies = {500'000};
        parameters.down = {660'000};
    }
    return options;
}

/// `for_packets`: the number of clients used for the questions about single packets.
Seen watch(const Network& network, unsigned clients, std::size_t for_packets) {
    attacks::Crowd crowd{crowd_options(network, clients)};
    crowd.run();
    Seen seen;
    for (const auto& trace : crowd.traces()) {
        seen.trials.push_back(
            {network.seed, network.changing, gateway_features(trace, crowd, {settled, change_s})});
        seen.changes.push_back(
            {network.seed, network.changing, gateway_features(trace, crowd, {settled, window_s})});
        if (network.changing) continue;
        seen.up_uneven.push_back(uneven(trace.to_mix, mixes_per_layer));
        seen.down_uneven.push_back(uneven(trace.delivered, mixes_per_layer));
        if (seen.changes.size() > for_packets) continue;
        const auto deliveries = times_of(trace.delivered);
        note_packets(trace.delivered, trace.up, deliveries, network.seed, seen.deliveries);
        note_packets(trace.to_mix, deliveries, deliveries, network.seed, seen.packets_up);
    }
    return seen;
}

template <class T>
void append(std::vector<T>& all, std::vector<T>&& more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

/// Runs all networks. The results are in their order.
Seen watch_all(const std::vector<Network>& networks, unsigned clients, std::size_t for_packets,
               const std::string& what, measure::Report& report) {
    auto each = measure::side_by_side(
        networks.size(), [&](std::size_t i) { return watch(networks[i], clients, for_packets); },
        [&](std::size_t made) {
            report.progress(what, static_cast<double>(made) / static_cast<double>(networks.size()));
        });
    Seen all;
    for (auto& one : each) {
        append(all.deliveries, std::move(one.deliveries));
        append(all.packets_up, std::move(one.packets_up));
        append(all.trials, std::move(one.trials));
        append(all.changes, std::move(one.changes));
        append(all.up_uneven, std::move(one.up_uneven));
        append(all.down_uneven, std::move(one.down_uneven));
        one = {};
    }
    return all;
}
measure::Bound guess(const std::vector<measure::Observation>& observations,
                     const measure::Options& options) {
    base::SeededRandom random{options.seed};
    return cross_bound(cross_fitted(observations), random);
}

void judge(const std::string& what, const std::vector<measure::Observation>& observations,
           const measure::Options& options, measure::Report& report) {
    const auto bound = guess(observations, options);
    report.row("gateway", "deliveries",
               {{"what", what},
                {"auc", bound.point},
                {"upper", bound.upper},
                {"samples", observations.size()}});
    report.at_most(what + ": AUC, upper 95 %", bound.upper, options.full ? 0.53 : 0.55);
}

void judge_control(const std::string& off, const std::string& what,
                   const std::vector<measure::Observation>& observations,
                   const measure::Options& options, measure::Report& report) {
    const auto bound = guess(observations, options);
    report.row(
        "gateway", "control",
        {{"what", what}, {"off", off}, {"auc", bound.point}, {"samples", observations.size()}});
    // Fillers pass other mixes than sessions do, as loops do. So mixes that are kept say less.
    const double least = off == kept && what == to_exits ? 0.9 : 0.95;
    report.at_least("control, " + off + ": " + what + ": AUC", bound.point, least);
}

/// The mean of statistics that each have mean 0 and deviation 1 if the choice is uniform, in its
/// own standard deviations.
double deviations(const std::vector<double>& values) {
    return measure::mean(values) * std::sqrt(static_cast<double>(values.size()));
}

void judge_uneven(const std::string& what, const std::vector<double>& values,
                  measure::Report& report) {
    report.row("gateway", "next_hops",
               {{"what", what}, {"deviations", deviations(values)}, {"clients", values.size()}});
    report.at_most(what + ": unevenness over the mixes, in deviations", deviations(values), 4);
}

void judge_uneven_control(const std::string& what, const std::vector<double>& values,
                          measure::Report& report) {
    report.row("gateway", "control",
               {{"what", what + ", unevenness"},
                {"off", kept},
                {"deviations", deviations(values)},
                {"clients", values.size()}});
    report.at_least("control, " + std::string{kept} + ": " + what +
                        ": unevenness over the mixes, in deviations",
                    deviations(values), 40);
}

Seen watch_control(Off off, const measure::Options& options, measure::Report& report) {
    constexpr unsigned clients = 20;
    std::vector<Network> networks;
    for (unsigned i = 0; i < 8; ++i)
        for (const bool changing : {false, true})
            // An on-demand client has one session and no handover.
            if (off != Off::law || !changing)
                networks.push_back({off, options.seed * 1000 + 600 + i, changing});
    return watch_all(networks, clients, clients, "gateway, controls", report);
}

void controls(const measure::Options& options, measure::Report& report) {
    auto seen = watch_control(Off::law, options, report);
    judge_control(law_off, replies, seen.deliveries, options, report);
    judge_control(law_off, to_exits, seen.packets_up, options, report);
    seen = watch_control(Off::next_hops, options, report);
    judge_control(kept, replies, seen.deliveries, options, report);
    judge_control(kept, to_exits, seen.packets_up, options, report);
    judge_control(kept, on_trial, seen.trials, options, report);
    judge_control(kept, handover, seen.changes, options, report);
    judge_uneven_control(up, seen.up_uneven, report);
    judge_uneven_control(down, seen.down_uneven, report);
    seen = watch_control(Off::stock, options, report);
    judge_control(no_stock, on_trial, seen.trials, options, report);
    judge_control(no_stock, handover, seen.changes, options, report);
}

}  // namespace

void gateway(const measure::Options& options, measure::Report& report) {
    const auto clients = options.or_else(options.clients, 50u, 100u);
    const auto seeds = options.or_else(options.seeds, 24u, 100u);
    controls(options, report);
    std::vector<Network> networks;
    for (unsigned i = 0; i < seeds; ++i)
        for (const bool changing : {false, true})
            networks.push_back({Off::nothing, options.seed * 1000 + 700 + i, changing});
    // A client has 1,700 packets in a window, so a few clients of each network are enough.
    const std::size_t for_packets = options.full ? 5 : 12;
    const auto seen = watch_all(networks, clients, for_packets, "gateway", report);
    judge(replies, seen.deliveries, options, report);
    judge(to_exits, seen.packets_up, options, report);
    judge(on_trial, seen.trials, options, report);
    judge(handover, seen.changes, options, report);
    judge_uneven(up, seen.up_uneven, report);
    judge_uneven(down, seen.down_uneven, report);
}

}  // namespace nightjar::lab::experiments
