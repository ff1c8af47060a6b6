// Exchange: what a client's link shows of its session, where the line itself is not even. An
// adversary has a client's link, as its gateway sees it, and a bad exit. Cells do not reach the
// gateway at even times: lines delay them at random, and an attacker can hold them. Three laws:
//
//   gate         the product: the gateway counts a packet's delay from a moment of its own
//   at arrival   the product before: the delay counts from the packet's arrival (control)
//   in common    the same, and all clients' slots come at the same moments, from a public source
//
// The last two are models: the product's slots and lines, and delays drawn here. Two questions:
//
//   line      the line delays each cell by up to so much: whose session is it, by arrival times?
//   pattern   an attacker holds the cells of one link for a time, or not, by turns of a second:
//             does the session follow the attacker's pattern?
//
// If two clients exchange the moments of their cells, nothing behind the gateway changes: that is
// tested cell by cell (tests/unit/relay/core/entry_gate_test.cpp).
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/flow_score.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double settled = 12;  // seconds
constexpr unsigned hops_to_exit = 4;
constexpr double turn = 1;  // seconds: an attacker's pattern changes at most so often
constexpr double link_latency = 0.002;

enum Law { gate, at_arrival, in_common, laws };
constexpr std::array law_names{"gate", "at arrival", "in common"};

/// What happens to a client's cells on their line.
struct Line {
    double jitter = 0;   // seconds; each cell is late by a uniform share of it
    double pattern = 0;  // seconds; in about half of all turns each cell is late by this
};

/// One client's two ends under each law.
struct Ends {
    attacks::Times at_gateway, at_gateway_in_common;
    std::array<attacks::Times, laws> at_exit;
};

/// The attacker's pattern for one client: late in this turn, or not?
bool holds(std::uint64_t seed, std::size_t client, double at) {
    const auto which = static_cast<std::uint64_t>(at / turn);
    base::SeededRandom random{seed * 1'000'003 + client * 10'007 + which};
    return random.unit() < 0.5;
}

/// Delays the cells of the clients' lines, and knows when each reaches its gateway.
class Lines {
 public:
    Lines(const Line& line, attacks::CrowdOptions& crowd)
        : line_{line},
          seed_{crowd.seed},
          random_{crowd.seed + 17},
          ends_(crowd.clients),
          places_(crowd.clients),
          relays_{std::size_t{crowd.network.layers} * crowd.network.mixes_per_layer +
                  crowd.network.gateways} {
        const auto& law = crowd.network.parameters;
        gap_ = 1 / (law.main_slots.per_second() + law.client_loops.per_second());
        delay_ = law.mean_delay;
        crowd.tamper = [this](lab::world::OnWire& cell) { delay(cell); };
        crowd.on_sent = [this](const attacks::Plaintext& packet) { sent(packet.client); };
    }

    /// Call it after the run.
    std::vector<Ends> ends(const std::vector<attacks::Trace>& traces) {
        for (std::size_t i = 0; i < ends_.size(); ++i) {
            for (const auto& event : traces[i].at_exit)
                ends_[i].at_exit[gate].push_back(event.at);
            for (auto& times : ends_[i].at_exit)
                std::sort(times.begin(), times.end());
        }
        return std::move(ends_);
    }

 private:
    struct Place {
        double first = -1;  // when the first cell left: places count from it
        double reached = 0, reached_in_common = 0;
    };

    void delay(lab::world::OnWire& cell) {
        if (cell.from_number < relays_) return;
        const auto client = cell.from_number - relays_;
        auto& place = places_[client];
        const auto at = base::to_seconds(cell.sent - lab::world::World::begin);
        auto late = line_.jitter * random_.unit();
        if (line_.pattern > 0 && holds(seed_, client, at)) late += line_.pattern;
        cell.held_back = base::from_seconds(late);
        if (place.first < 0) place.first = at;
        // Cells keep their order.
        place.reached = std::max(place.reached, at + late + link_latency);
        const auto slot = std::round((at - place.first) / gap_) * gap_;
        place.reached_in_common = std::max(place.reached_in_common, slot + late + link_latency);
        ends_[client].at_gateway.push_back(static_cast<float>(place.reached));
        ends_[client].at_gateway_in_common.push_back(static_cast<float>(place.reached_in_common));
    }

    /// The cell that has just left is a packet to an exit.
    void sent(std::size_t client) {
        double way = 0;
        for (unsigned hop = 0; hop < hops_to_exit; ++hop)
            way += attacks::link_and_tick + base::to_seconds(random_.exponential(delay_));
        ends_[client].at_exit[at_arrival].push_back(
            static_cast<float>(places_[client].reached + way));
        ends_[client].at_exit[in_common].push_back(
            static_cast<float>(places_[client].reached_in_common + way));
    }

    Line line_;
    std::uint64_t seed_;
    base::SeededRandom random_;
    std::vector<Ends> ends_;
    std::vector<Place> places_;
    std::size_t relays_;
    double gap_ = 0;
    base::Nanoseconds delay_{};
};

struct Network {
    std::vector<Ends> ends;
    std::uint64_t seed = 0;
};

Network observe(const Line& line, const measure::Options& options, std::uint64_t seed,
                double seconds) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = options.or_else(options.clients, 40u, 80u);
    crowd.busy_share = 0;
    crowd.network.gateways = 4;
    crowd.network.parameters.session_lifetime = base::Seconds{7200};
    crowd.seconds = settled + seconds + 3;
    crowd.handover_after(base::Seconds{3600}, base::Seconds{7200});
    Lines lines{line, crowd};
    attacks::Crowd network{crowd};
    network.run();
    return {lines.ends(network.traces()), seed};
}

struct Scores {
    std::vector<double> apart, together;

    void add(const Scores& other) {
        apart.insert(apart.end(), other.apart.begin(), other.apart.end());
        together.insert(together.end(), other.together.begin(), other.together.end());
    }
};
using ByLaw = std::array<Scores, laws>;

/// How well a client's link explains a session's arrivals, at the best of several latencies: the
/// adversary does not know for how long the gate lets packets wait.
std::optional<double> line_score(const attacks::Times& link, const attacks::Times& seen,
                                 std::size_t observations) {
    const directory::Parameters law;
    const double share =
        law.main_slots.per_second() / (law.main_slots.per_second() + law.client_loops.per_second());
    const attacks::FlowModel model{{hops_to_exit, base::to_seconds(law.mean_delay)}, share, 0.5};
    std::optional<double> best;
    for (const double later : {0.0, 0.010, 0.018, 0.026}) {
        auto cause = link;
        for (auto& at : cause)
            at += static_cast<float>(later);
        const auto score = attacks::flow_score(cause, seen, model, settled, observations);
        if (score && (!best || *score > *best)) best = score;
    }
    return best;
}

/// How well a session's arrivals follow the attacker's pattern: where cells are held, fewer have
/// arrived than at the session's even pace.
std::optional<double> pattern_score(std::uint64_t seed, std::size_t client,
                                    const attacks::Times& seen, std::size_t observations) {
    const auto from = std::lower_bound(seen.begin(), seen.end(), static_cast<float>(settled));
    if (static_cast<std::size_t>(seen.end() - from) <= observations) return std::nullopt;
    const double begin = *from, end = *(from + static_cast<std::ptrdiff_t>(observations));
    const double rate = static_cast<double>(observations) / (end - begin);
    const directory::Parameters law;
    const double way = hops_to_exit * (base::to_seconds(law.mean_delay) + attacks::link_and_tick);
    constexpr double step = 0.01;
    std::vector<double> ahead, ahead_upto{0};
    auto arrived = from;
    for (double at = begin; at < end; at += step) {
        while (arrived != seen.end() && *arrived < at)
            ++arrived;
        ahead.push_back(static_cast<double>(arrived - from) - rate * (at - begin));
        ahead_upto.push_back(ahead_upto.back() + ahead.back());
    }
    // A session's count wanders by itself, so it counts beside its mean of some turns around.
    constexpr auto around = static_cast<std::size_t>(1.5 * turn / step);
    double held = 0, free = 0;
    std::size_t times_held = 0, times_free = 0;
    for (std::size_t i = 0; i < ahead.size(); ++i) {
        const auto first = i < around ? 0 : i - around;
        const auto last = std::min(ahead.size(), i + around + 1);
        const auto usual =
            (ahead_upto[last] - ahead_upto[first]) / static_cast<double>(last - first);
        const bool late = holds(seed, client, begin + static_cast<double>(i) * step - way);
        (late ? held : free) += ahead[i] - usual;
        ++(late ? times_held : times_free);
    }
    if (times_held == 0 || times_free == 0) return std::nullopt;
    return free / static_cast<double>(times_free) - held / static_cast<double>(times_held);
}

ByLaw judge(const Network& network, const Line& line, std::size_t observations) {
    ByLaw scores;
    const auto& ends = network.ends;
    constexpr std::size_t others = 4;
    for (std::size_t law = 0; law < laws; ++law)
        for (std::size_t i = 0; i < ends.size(); ++i)
            for (std::size_t step = 0; step <= others; ++step) {
                const auto j = (i + step) % ends.size();
                const auto& link =
                    law == in_common ? ends[j].at_gateway_in_common : ends[j].at_gateway;
                const auto& seen = ends[i].at_exit[law];
                const auto score = line.pattern > 0
                                       ? pattern_score(network.seed, j, seen, observations)
                                       : line_score(link, seen, observations);
                if (score) (step == 0 ? scores[law].together : scores[law].apart).push_back(*score);
            }
    return scores;
}

/// What the product must hide: what lines do by themselves, and holding within the gate's reach.
bool claimed(const Line& line) {
    return line.jitter <= 0.020 && line.pattern <= 0.020;
}

void show(const Line& line, std::size_t observations, const ByLaw& scores,
          measure::Report& report) {
    const bool pattern = line.pattern > 0;
    const auto ms = std::lround(1000 * (pattern ? line.pattern : line.jitter));
    for (std::size_t law = 0; law < laws; ++law) {
        const auto& seen = scores[law];
        if (seen.together.empty() || seen.apart.empty()) continue;
        const auto auc = measure::auc(seen.apart, seen.together);
        report.row("exchange", pattern ? "pattern" : "line",
                   {{"law", law_names[law]},
                    {"ms", ms},
                    {"observations", observations},
                    {"together", seen.together.size()},
                    {"auc", auc}});
        const auto what = std::string{law_names[law]} + (pattern ? ", pattern of " : ", line of ") +
                          std::to_string(ms) + " ms, " + std::to_string(observations) +
                          " packets: AUC";
        // Two deviations of chance.
        const auto chance = 2 / std::sqrt(12.0 * static_cast<double>(seen.together.size()));
        if (law == gate && claimed(line)) report.at_most(what, auc, 0.5 + chance);
        if (law != gate && pattern && ms >= 20 && observations >= 3000)
            report.at_least(what, auc, 0.8);
    }
}

}  // namespace

void exchange(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 2u, 4u);
    std::vector<std::size_t> counts{3000};
    std::vector<Line> lines{Line{}, Line{.jitter = 0.020}, Line{.pattern = 0.020}};
    if (options.full) {
        counts = {600, 3000};
        lines.insert(lines.end(),
                     {Line{.jitter = 0.010}, Line{.pattern = 0.009}, Line{.pattern = 0.100}});
    }
    const directory::Parameters law;
    // Sessions have a little less than all main slots.
    const auto seconds = 1.1 * static_cast<double>(counts.back()) / law.main_slots.per_second();
    for (const auto& line : lines) {
        const auto networks = measure::side_by_side(seeds, [&](std::size_t i) {
            const auto network = observe(line, options, options.seed * 1000 + 1300 + i, seconds);
            std::vector<ByLaw> all;
            for (const auto observations : counts)
                all.push_back(judge(network, line, observations));
            return all;
        });
        for (std::size_t k = 0; k < counts.size(); ++k) {
            ByLaw sum;
            for (const auto& network : networks)
                for (std::size_t one = 0; one < laws; ++one)
                    sum[one].add(network[k][one]);
            show(line, counts[k], sum, report);
        }
    }
}

}  // namespace nightjar::lab::experiments
