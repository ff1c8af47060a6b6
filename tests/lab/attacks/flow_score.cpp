#include "tests/lab/attacks/flow_score.hpp"

#include <algorithm>
#include <cmath>

namespace nightjar::lab::attacks {
namespace {

/// The rate of events at time `at` that `cause` predicts.
double expected_rate(const Times& cause, double at, const Route& route) {
    auto one =
        std::lower_bound(cause.begin(), cause.end(), static_cast<float>(at - route.longest()));
    double rate = 0;
    for (; one != cause.end() && *one < at; ++one)
        rate += route.density(at - *one);
    return rate;
}

}  // namespace

double Route::density(double seconds) const {
    const auto x = (seconds - link_and_tick * hops) / mean_delay;
    if (x <= 0) return 0;
    double density = std::exp(-x) / mean_delay;
    for (unsigned i = 1; i < hops; ++i)
        density *= x / i;
    return density;
}

double Route::share(double seconds) const {
    const auto x = (seconds - link_and_tick * hops) / mean_delay;
    if (x <= 0) return 0;
    double term = std::exp(-x), left = term;
    for (unsigned i = 1; i < hops; ++i)
        left += term *= x / i;
    return 1 - left;
}

double Route::longest() const {
    return 20 * mean_delay;
}

std::optional<double> flow_score(const Times& cause, const Times& seen, const FlowModel& model,
                                 double from, std::size_t observations) {
    auto one = std::lower_bound(seen.begin(), seen.end(), static_cast<float>(from));
    if (seen.end() - one < static_cast<std::ptrdiff_t>(observations)) return std::nullopt;
    const double begin = *one;
    double sum = 0;
    for (std::size_t i = 0; i < observations; ++i, ++one)
        sum += std::log(model.share * expected_rate(cause, *one, model.route) + model.others);
    if (!model.counted) return sum;
    const double end = *std::prev(one);
    for (const auto at : cause)
        sum -= model.share * (model.route.share(end - at) - model.route.share(begin - at));
    return sum - model.others * (end - begin) +
           static_cast<double>(observations) *
               std::log((end - begin) / static_cast<double>(observations));
}

std::optional<double> merged_score(const Times& cells, const Times& merged, const Route& route,
                                   double from, double uniform, std::size_t observations) {
    auto one = std::lower_bound(cells.begin(), cells.end(), static_cast<float>(from));
    if (cells.end() - one < static_cast<std::ptrdiff_t>(observations)) return std::nullopt;
    double sum = 0;
    for (std::size_t i = 0; i < observations; ++i, ++one) {
        const auto last = static_cast<float>(*one + route.longest());
        double rate = 0;
        for (auto at = std::lower_bound(merged.begin(), merged.end(), *one);
             at != merged.end() && *at < last; ++at)
            rate += route.density(*at - *one);
        sum += std::log(0.01 + rate / uniform);
    }
    return sum;
}

}  // namespace nightjar::lab::attacks
