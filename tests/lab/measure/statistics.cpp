#include "tests/lab/measure/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>

namespace nightjar::lab::measure {
namespace {

/// The AUC of weighted samples, sorted by score once. Weight 0 excludes a sample.
struct Ranked {
    double score;
    bool busy;
    std::uint32_t network;
};

double weighted_auc(std::span<const Ranked> ranked, std::span<const double> weight) {
    double idle_below = 0, idle = 0, busy = 0, won = 0;
    for (std::size_t i = 0; i < ranked.size();) {
        double idle_here = 0, busy_here = 0;
        const auto score = ranked[i].score;
        for (; i < ranked.size() && ranked[i].score == score; ++i)
            (ranked[i].busy ? busy_here : idle_here) += weight[ranked[i].network];
        won += busy_here * (idle_below + idle_here / 2);
        idle_below += idle_here;
        idle += idle_here;
        busy += busy_here;
    }
    return idle > 0 && busy > 0 ? won / (idle * busy) : 0.5;
}

/// Solves a symmetric positive definite system by Cholesky decomposition.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
    const auto n = b.size();
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < j; ++k)
            for (std::size_t i = j; i < n; ++i)
                a[i][j] -= a[i][k] * a[j][k];
        const auto root = std::sqrt(a[j][j]);
        for (std::size_t i = j; i < n; ++i)
            a[i][j] /= root;
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < i; ++k)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
    return b;
}

std::vector<double> mean_of(std::span<const std::vector<double>> rows) {
    std::vector<double> mean(rows.front().size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < mean.size(); ++i)
            mean[i] += row[i] / static_cast<double>(rows.size());
    return mean;
}

void add_scatter(std::span<const std::vector<double>> rows, const std::vector<double>& mean,
                 std::vector<std::vector<double>>& scatter) {
    std::vector<double> off(mean.size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < off.size(); ++i)
            off[i] = row[i] - mean[i];
        for (std::size_t i = 0; i < off.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j)
                scatter[i][j] += off[i] * off[j];
    }
}

}  // namespace

double auc(std::span<const double> idle, std::span<const double> busy) {
    assert(!idle.empty() && !busy.empty());
    std::vector<Ranked> ranked;
    for (const auto score : idle)
        ranked.push_back({score, false, 0});
    for (const auto score : busy)
        ranked.push_back({score, true, 0});
    std::sort(ranked.begin(), ranked.end(),
              [](const Ranked& a, const Ranked& b) { return a.score < b.score; });
    const double one[] = {1};
    return weighted_auc(ranked, one);
}

Bound auc_bound(std::span<const Sample> samples, base::Random& random, unsigned draws) {
    std::map<std::uint64_t, std::uint32_t> networks;
    std::vector<Ranked> ranked;
    for (const auto& sample : samples) {
        const auto at = networks.try_emplace(sample.seed, networks.size()).first->second;
        ranked.push_back({sample.score, sample.busy, at});
    }
    std::sort(ranked.begin(), ranked.end(),
              [](const Ranked& a, const Ranked& b) { return a.score < b.score; });
    std::vector<double> weight(networks.size(), 1);
    Bound bound{.point = weighted_auc(ranked, weight)};
    std::vector<double> drawn;
    for (unsigned i = 0; i < draws; ++i) {
        std::fill(weight.begin(), weight.end(), 0);
        for (std::size_t k = 0; k < weight.size(); ++k)
            ++weight[static_cast<std::size_t>(random.below(weight.size()))];
        drawn.push_back(weighted_auc(ranked, weight));
    }
    const auto average = mean(drawn);
    for (const auto one : drawn)
        bound.deviation += (one - average) * (one - average) / static_cast<double>(draws);
    bound.deviation = std::sqrt(bound.deviation);
    bound.upper = std::max(bound.point, quantile(std::move(drawn), 0.95));
    return bound;
}

double true_positive_rate(std::vector<double> idle, std::span<const double> busy,
                          double false_alarms) {
    const auto threshold = quantile(std::move(idle), 1 - false_alarms);
    const auto above = std::count_if(busy.begin(), busy.end(),
                                     [threshold](double score) { return score > threshold; });
    return static_cast<double>(above) / static_cast<double>(busy.size());
}

double ks_distance(std::vector<double> a, std::vector<double> b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    double worst = 0;
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        const auto at = std::min(a[i], b[j]);
        while (i < a.size() && a[i] <= at)
            ++i;
        while (j < b.size() && b[j] <= at)
            ++j;
        worst = std::max(worst, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                         static_cast<double>(j) / static_cast<double>(b.size())));
    }
    return worst;
}

double ks_distance(std::vector<double> a, const std::function<double(double)>& cdf) {
    std::sort(a.begin(), a.end());
    double worst = 0;
    const auto n = static_cast<double>(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto law = cdf(a[i]);
        worst = std::max({worst, std::abs(law - static_cast<double>(i) / n),
                          std::abs(law - static_cast<double>(i + 1) / n)});
    }
    return worst;
}

double entropy_bits(std::span<const double> probabilities) {
    const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
    double bits = 0;
    for (const auto p : probabilities)
        if (p > 0) bits -= p / sum * std::log2(p / sum);
    return bits;
}

double quantile(std::vector<double> sample, double p) {
    assert(!sample.empty());
    std::sort(sample.begin(), sample.end());
    const auto at = p * static_cast<double>(sample.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto above = std::min(below + 1, sample.size() - 1);
    return sample[below] + (at - static_cast<double>(below)) * (sample[above] - sample[below]);
}

double mean(std::span<const double> sample) {
    return std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}

Discriminant Discriminant::fit(std::span<const std::vector<double>> idle,
                               std::span<const std::vector<double>> busy, double ridge) {
    assert(!idle.empty() && !busy.empty());
    const auto idle_mean = mean_of(idle);
    const auto busy_mean = mean_of(busy);
    const auto n = idle_mean.size();
    std::vector<std::vector<double>> scatter(n, std::vector<double>(n));
    add_scatter(idle, idle_mean, scatter);
    add_scatter(busy, busy_mean, scatter);
    const auto count = static_cast<double>(idle.size() + busy.size());
    std::vector<double> deviation(n);
    for (std::size_t i = 0; i < n; ++i)
        deviation[i] = std::sqrt(scatter[i][i] / count) + 1e-9;
    Discriminant made;
    std::vector<double> apart(n);
    for (std::size_t i = 0; i < n; ++i) {
        made.mean_.push_back((idle_mean[i] + busy_mean[i]) / 2);
        apart[i] = (busy_mean[i] - idle_mean[i]) / deviation[i];
        for (std::size_t j = 0; j <= i; ++j)
            scatter[i][j] =
                scatter[i][j] / (count * deviation[i] * deviation[j]) + (i == j ? ridge + 1e-6 : 0);
    }
    made.weight_ = solve(std::move(scatter), std::move(apart));
    for (std::size_t i = 0; i < n; ++i)
        made.weight_[i] /= deviation[i];
    return made;
}

double Discriminant::score(std::span<const double> features) const {
    assert(features.size() == weight_.size());
    double sum = 0;
    for (std::size_t i = 0; i < weight_.size(); ++i)
        sum += weight_[i] * (features[i] - mean_[i]);
    return sum;
}

std::vector<Sample> cross_fitted(std::span<const Observation> observations) {
    std::vector<Sample> samples;
    for (const std::uint64_t parity : {0, 1}) {
        std::vector<std::vector<double>> idle, busy;
        for (const auto& one : observations)
            if (one.seed % 2 != parity) (one.busy ? busy : idle).push_back(one.features);
        const auto learnt = Discriminant::fit(idle, busy);
        for (const auto& one : observations)
            if (one.seed % 2 == parity)
                samples.push_back({one.seed, one.busy, learnt.score(one.features)});
    }
    return samples;
}

Bound cross_bound(std::span<const Sample> samples, base::Random& random, unsigned draws) {
    Bound both;
    for (const std::uint64_t parity : {0, 1}) {
        std::vector<Sample> half;
        for (const auto& sample : samples)
            if (sample.seed % 2 == parity) half.push_back(sample);
        const auto bound = auc_bound(half, random, draws);
        both.point += bound.point / 2;
        both.upper += bound.upper / 2;
        both.deviation += bound.deviation / 2;
    }
    return both;
}

}  // namespace nightjar::lab::measure
