// What a client's own gateway can tell of single packets, and of a session's changes: which
// delivery is a loop and which a reply, which packet up is a loop and which goes to an exit, and
// whether the sessions behind them have just changed. (Whether the client is busy: observer.cpp.)
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>

#include "tests/privacy/crowd.hpp"
#include "tests/privacy/experiment.hpp"
#include "tests/privacy/features.hpp"
#include "tests/privacy/statistics.hpp"

namespace nightjar::privacy {
namespace {

constexpr double settled = 8;  // seconds: the first session is open

/// Seconds to the nearest moment before `at`, and behind it.
std::array<double, 2> around(const Times& times, float at) {
    constexpr double none = 1;
    const auto next = std::upper_bound(times.begin(), times.end(), at + 1e-6f);
    const auto before = std::lower_bound(times.begin(), times.end(), at - 1e-6f);
    return {before == times.begin() ? none : static_cast<double>(at - *std::prev(before)),
            next == times.end() ? none : static_cast<double>(*next - at)};
}

/// What stands out of one packet: its neighbours in time, both ways, and how much its relay is in
/// use by this client.
Row packet_features(const Trace::Passed& one, const Times& same_way, const Times& other_way,
                    const std::map<std::uint32_t, double>& by_relay, double all) {
    const auto same = around(same_way, one.at);
    const auto other = around(other_way, one.at);
    return {same[0], same[1], other[0], other[1], by_relay.at(one.relay) / all};
}

void note_packets(const std::vector<Trace::Passed>& packets, const Times& other_way,
                  std::uint64_t seed, std::vector<Observation>& out) {
    const auto times = times_of(packets);
    std::map<std::uint32_t, double> by_relay;
    for (const auto& one : packets)
        ++by_relay[one.relay];
    for (const auto& one : packets)
        if (one.at > settled)
            out.push_back({seed, one.loop,
                           packet_features(one, times, other_way, by_relay,
                                           static_cast<double>(packets.size()))});
}

/// The share of a client's packets that go to its most used mix, above that of a uniform choice,
/// in deviations of chance; the mean over clients is zero if the choice is uniform.
double uneven(const std::vector<Trace::Passed>& packets, std::size_t mixes) {
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

struct Seen {
    std::vector<Observation> deliveries;  // busy: it is a loop
    std::vector<Observation> packets_up;
    std::vector<Observation> changes;  // busy: a hand-over lies in the window
    std::vector<double> up_uneven;
    std::vector<double> down_uneven;
};

/// With hand-overs every few seconds most windows hold a change; with none for an hour no window
/// does.
void watch(std::uint64_t seed, unsigned clients, bool changing, Seen& seen) {
    CrowdOptions options;
    // One seed a network: what was learnt of one must be tried on another.
    options.seed = seed * 2 + (changing ? 1 : 0);
    options.clients = clients;
    options.seconds = 24;
    if (!changing) options.network.parameters.session_lifetime = base::Seconds{3600};
    Crowd crowd{options};
    crowd.run();
    const Window window{settled, options.seconds};
    for (const auto& trace : crowd.traces()) {
        seen.changes.push_back({seed, changing, gateway_features(trace, crowd, window)});
        if (changing) continue;
        note_packets(trace.delivered, trace.up, seed, seen.deliveries);
        note_packets(trace.to_mix, times_of(trace.delivered), seed, seen.packets_up);
        seen.up_uneven.push_back(uneven(trace.to_mix, options.network.mixes_per_layer));
        seen.down_uneven.push_back(uneven(trace.delivered, options.network.mixes_per_layer));
    }
}

void judge(const std::string& what, const std::vector<Observation>& observations, double limit,
           const Options& options, Report& report) {
    base::SeededRandom random{options.seed};
    const auto samples = cross_fitted(observations);
    const auto bound = auc_bound(samples, random);
    report.row("gateway", "deliveries",
               {{"what", what},
                {"auc", bound.point},
                {"upper", bound.upper},
                {"samples", samples.size()}});
    report.at_most(what + ": AUC, upper 95 %", bound.upper, limit);
}

/// The mean of statistics that are 0 on average, each of deviation 1, if the choice is uniform.
void judge_uneven(const std::string& what, const std::vector<double>& values, Report& report) {
    const auto deviations = mean(values) * std::sqrt(static_cast<double>(values.size()));
    report.row("gateway", "next_hops",
               {{"what", what}, {"deviations", deviations}, {"clients", values.size()}});
    report.at_most(what + ": unevenness over the mixes, in deviations", deviations, 4);
}

}  // namespace

void gateway(const Options& options, Report& report) {
    const auto clients = options.or_else(options.clients, 40u, 100u);
    const auto seeds = options.or_else(options.seeds, 8u, 100u);
    const double limit = options.full ? 0.53 : 0.55;
    Seen seen;
    for (unsigned i = 0; i < seeds; ++i) {
        for (const bool changing : {false, true})
            watch(options.seed * 1000 + 700 + i, clients, changing, seen);
        report.progress("gateway", (i + 1.0) / seeds);
    }
    judge("loops among replies, delivered", seen.deliveries, limit, options, report);
    judge("loops among packets to exits", seen.packets_up, limit, options, report);
    judge("windows with a hand-over", seen.changes, limit, options, report);
    judge_uneven("packets up", seen.up_uneven, report);
    judge_uneven("deliveries", seen.down_uneven, report);
}

}  // namespace nightjar::privacy
