// An adversary that runs a share of the relays: the time until a packet of a client passes only bad
// mixes, and the cost of the defence (fixed hops) when a fixed relay fails.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "client/core/routes.hpp"
#include "tests/lab/attacks/exposure.hpp"
#include "tests/lab/attacks/failing_relay.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr std::uint8_t mixes_per_layer = 100;
constexpr double shares[] = {0.01, 0.02, 0.05, 0.1, 0.2};
constexpr double day_s = 86'400;
constexpr double month_s = 30 * day_s;

/// 3 x 100 mixes, each of its own operator, and 3 gateways. Exactly the given share of each layer
/// is bad.
struct Network {
    Network() {
        for (std::uint8_t layer = 0; layer <= attacks::route_layers; ++layer)
            for (std::uint8_t i = 0; i < (layer == 0 ? 3 : mixes_per_layer); ++i) {
                directory::Relay relay;
                relay.identity.bytes[0] = static_cast<std::uint8_t>(layer + 1);  // not zero
                relay.identity.bytes[1] = i;
                relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
                relay.layer = layer;
                if (layer == 0) relay.exit_policy = "accept *:*";
                relay.operator_name = std::to_string(layer) + "-" + std::to_string(i);
                document.relays.push_back(std::move(relay));
            }
    }
    static bool bad(const directory::Relay& mix, double share) {
        return mix.identity.bytes[1] < std::lround(share * mixes_per_layer);
    }
    directory::Document document;  // the relays are created in sorted order
};

/// Clients that use the product's own route choice, one session after the other.
class Clients {
 public:
    Clients(double share, std::uint32_t fixed_hops, base::Random& random)
        : share_{share}, fixed_hops_{fixed_hops}, random_{random} {}

    /// The time at which a new client's packet first passes three bad mixes.
    double first_exposure_s() {
        const auto lifetime = base::to_seconds(law().session_lifetime);
        for (double begun = 0;; begun += lifetime)
            if (const auto after = exposed_in_session(lifetime)) return begun + *after;
    }
    /// Draws `routes` routes in each of `sessions` sessions. Returns how many avoid a mix that the
    /// session keeps.
    unsigned strays(unsigned sessions, unsigned routes) {
        unsigned count = 0;
        for (unsigned i = 0; i < sessions; ++i) {
            client::core::SessionRoutes session{network_.document.relays[1].identity, fixed_hops_};
            const auto first = draw(session);
            for (unsigned k = 1; k < routes; ++k) {
                const auto route = draw(session);
                for (const auto layer : kept_)
                    if (route[layer] != first[layer]) ++count;
            }
        }
        return count;
    }
    double routes_per_second() const {
        return law().main_slots.per_second() + law().replies.per_second();
    }
    const directory::Parameters& law() const { return network_.document.parameters; }

 private:
    std::optional<double> exposed_in_session(double lifetime) {
        client::core::SessionRoutes session{network_.document.relays[1].identity, fixed_hops_};
        for (double at = gap(); at < lifetime; at += gap()) {
            const auto mixes = draw(session);
            const auto bad = [&](std::size_t layer) { return Network::bad(*mixes[layer], share_); };
            if (bad(0) && bad(1) && bad(2)) return at;
            // A kept mix is honest, so no route of this session can be bad (strays() checks that
            // mixes are kept).
            if (!std::all_of(kept_.begin(), kept_.end(), bad)) return std::nullopt;
        }
        return std::nullopt;
    }
    double gap() { return -std::log1p(-random_.unit()) / routes_per_second(); }
    /// The three mixes of the session's next route: a packet's, or a SURB's.
    directory::Route draw(client::core::SessionRoutes& session) {
        const auto& guard = network_.document.relays[0];
        const bool out = random_.unit() * routes_per_second() < law().main_slots.per_second();
        auto route = out ? session.forward(network_.document, guard, random_)
                         : session.reply(network_.document, guard, random_);
        if (out) route->erase(route->begin());
        route->resize(attacks::route_layers);
        return *route;
    }

    Network network_;
    double share_;
    std::uint32_t fixed_hops_;
    base::Random& random_;
    std::vector<std::size_t> kept_ =
        client::core::layers_to_keep(attacks::route_layers, fixed_hops_);
};

/// A 95 % confidence interval of the median of sorted values: order statistics, by the normal
/// approximation.
std::pair<double, double> median_interval(const std::vector<double>& sorted) {
    const auto n = static_cast<double>(sorted.size());
    const auto low = std::max(0.0, n / 2 - 0.98 * std::sqrt(n));
    const auto high = std::min(n - 1, n / 2 + 0.98 * std::sqrt(n));
    return {sorted[static_cast<std::size_t>(low)], sorted[static_cast<std::size_t>(high)]};
}

void curve(measure::Report& report, const attacks::RouteRisk& risk, std::uint32_t fixed_hops,
           double share, const std::vector<double>& sorted) {
    for (double exponent = 0; exponent <= 8; exponent += 0.25) {
        const auto seconds = std::pow(10, exponent);
        nlohmann::json columns{{"fixed_hops", fixed_hops},
                               {"bad_share", share},
                               {"seconds", seconds},
                               {"closed_form", exposed_within(risk, seconds)},
                               {"simulated", nullptr}};
        if (!sorted.empty()) {
            const auto below = std::upper_bound(sorted.begin(), sorted.end(), seconds);
            columns["simulated"] =
                static_cast<double>(below - sorted.begin()) / static_cast<double>(sorted.size());
        }
        report.row("routes", "exposure_curve", columns);
    }
}

/// The Kolmogorov-Smirnov distance between the simulated times and the closed form, times sqrt(n).
/// Empty if too few could be simulated.
std::optional<double> exposure(const measure::Options& options, measure::Report& report,
                               std::uint32_t fixed_hops, double share) {
    base::SeededRandom random{options.seed * 1000 + fixed_hops * 100 +
                              static_cast<std::uint64_t>(share * 100)};
    Clients clients{share, fixed_hops, random};
    const auto rate = clients.routes_per_second();
    const auto lifetime = base::to_seconds(clients.law().session_lifetime);
    const auto risk = attacks::RouteRisk::of({share, share, share}, fixed_hops, rate, lifetime);
    const auto affordable = (options.full ? 1e6 : 60'000) / routes_to_simulate(risk);
    std::vector<double> times;
    if (affordable >= 20)
        for (unsigned i = 0; i < std::min(affordable, 1000.0); ++i)
            times.push_back(clients.first_exposure_s());
    std::sort(times.begin(), times.end());
    nlohmann::json columns{
        {"fixed_hops", fixed_hops},
        {"bad_share", share},
        {"median_s", median_exposure_s(risk)},
        {"session", session_exposed(risk, lifetime)},
        {"day", exposed_within(risk, day_s)},
        {"month", exposed_within(risk, month_s)},
        {"month_guard_too", share * exposed_within(risk, month_s)},
        {"month_independent", attacks::exposed_within_independent(
                                  mixes_per_layer, share, fixed_hops, rate, lifetime, month_s)},
        {"simulated", times.size()}};
    std::optional<double> distance;
    if (!times.empty()) {
        const auto [low, high] = median_interval(times);
        distance =
            std::sqrt(static_cast<double>(times.size())) *
            measure::ks_distance(times, [&risk](double t) { return exposed_within(risk, t); });
        columns["simulated_median_s"] = measure::quantile(times, 0.5);
        columns["simulated_low_s"] = low;
        columns["simulated_high_s"] = high;
        columns["ks_root_n"] = *distance;
    }
    report.row("routes", "exposure", columns);
    curve(report, risk, fixed_hops, share, times);
    return distance;
}

}  // namespace

void routes(const measure::Options& options, measure::Report& report) {
    double worst = 0;
    unsigned compared = 0;
    unsigned strays = 0;
    for (std::uint32_t fixed_hops = 0; fixed_hops <= attacks::route_layers; ++fixed_hops) {
        for (const auto share : shares) {
            report.progress("routes with " + std::to_string(fixed_hops) + " fixed hops",
                            compared / 20.0);
            const auto distance = exposure(options, report, fixed_hops, share);
            worst = std::max(worst, distance.value_or(0));
            compared += distance ? 1 : 0;
        }
        base::SeededRandom random{options.seed};
        strays += Clients{0.1, fixed_hops, random}.strays(50, 50);
    }
    // Kolmogorov's distribution: 2.2 is exceeded by chance once in 8,000 cases; there are at most
    // 20.
    report.at_most("time to the first bad route: distance of simulation and closed form, root n D",
                   worst, 2.2);
    report.at_least("time to the first bad route: settings simulated", compared, 12);
    report.at_most("packets that leave a mix which their session keeps", strays, 0);
    lasting(options, report);
    attacks::failing_relay(options, report);
}

}  // namespace nightjar::lab::experiments
