#include "tests/lab/attacks/exposure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "client/core/routes.hpp"

namespace nightjar::lab::attacks {
namespace {

/// The distribution of the number of bad relays among n, without cases rarer than one in 10^7.
std::vector<std::pair<double, double>> binomial(unsigned n, double p) {
    std::vector<std::pair<double, double>> likely;  // share, probability
    for (unsigned k = 0; k <= n; ++k) {
        const auto log_probability = std::lgamma(n + 1.0) - std::lgamma(k + 1.0) -
                                     std::lgamma(n - k + 1.0) + k * std::log(p) +
                                     (n - k) * std::log1p(-p);
        const auto probability = std::exp(log_probability);
        if (probability > 1e-7) likely.emplace_back(static_cast<double>(k) / n, probability);
    }
    return likely;
}

}  // namespace

RouteRisk RouteRisk::of(const std::array<double, route_layers>& bad, std::uint32_t fixed_hops,
                        double routes_per_second, double lifetime_s) {
    RouteRisk risk{1, 1, routes_per_second, lifetime_s};
    const auto kept = client::core::layers_to_keep(route_layers, fixed_hops);
    for (std::size_t layer = 0; layer < route_layers; ++layer) {
        const bool stays = std::find(kept.begin(), kept.end(), layer) != kept.end();
        (stays ? risk.kept : risk.drawn) *= bad[layer];
    }
    return risk;
}

double session_exposed(const RouteRisk& risk, double seconds) {
    const auto lived = std::clamp(seconds, 0.0, risk.lifetime_s);
    return risk.kept * -std::expm1(-risk.routes_per_second * lived * risk.drawn);
}

double exposed_within(const RouteRisk& risk, double seconds) {
    if (seconds <= 0) return 0;
    const auto whole = std::floor(seconds / risk.lifetime_s);
    const auto rest = seconds - whole * risk.lifetime_s;
    auto log_safe = std::log1p(-session_exposed(risk, rest));
    // If exposure is certain, the logarithm is minus infinity, and multiplying it by 0 would give
    // NaN.
    if (whole > 0) log_safe += whole * std::log1p(-session_exposed(risk, risk.lifetime_s));
    return -std::expm1(log_safe);
}

double median_exposure_s(const RouteRisk& risk) {
    const auto a_session = session_exposed(risk, risk.lifetime_s);
    if (a_session <= 0) return std::numeric_limits<double>::infinity();
    double below = 0;
    double above = risk.lifetime_s * (2 + std::log(2) / -std::log1p(-a_session));
    // Bisection: exposed_within grows with time.
    for (int i = 0; i < 200; ++i) {
        const auto middle = (below + above) / 2;
        (exposed_within(risk, middle) < 0.5 ? below : above) = middle;
    }
    return above;
}

double routes_to_simulate(const RouteRisk& risk) {
    const auto sessions = 1 / session_exposed(risk, risk.lifetime_s);
    const auto routes = risk.routes_per_second * risk.lifetime_s;
    return sessions * (1 + risk.kept * std::min(routes, 1 / risk.drawn));
}

double exposed_within_independent(unsigned mixes_per_layer, double share, std::uint32_t fixed_hops,
                                  double routes_per_second, double lifetime_s, double seconds) {
    const auto likely = binomial(mixes_per_layer, share);
    double sum = 0;
    for (const auto& [first, p1] : likely)
        for (const auto& [second, p2] : likely)
            for (const auto& [third, p3] : likely)
                sum += p1 * p2 * p3 *
                       exposed_within(RouteRisk::of({first, second, third}, fixed_hops,
                                                    routes_per_second, lifetime_s),
                                      seconds);
    return sum;
}

}  // namespace nightjar::lab::attacks
