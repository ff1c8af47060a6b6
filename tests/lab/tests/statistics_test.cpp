#include "tests/lab/measure/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

using namespace nightjar;
using namespace nightjar::lab::measure;
using doctest::Approx;

namespace {

double gaussian(base::Random& random) {
    const auto radius = std::sqrt(-2 * std::log(1 - random.unit()));
    return radius * std::cos(2 * std::numbers::pi * random.unit());
}

std::vector<double> gaussians(base::Random& random, std::size_t count, double mean) {
    std::vector<double> made;
    for (std::size_t i = 0; i < count; ++i)
        made.push_back(mean + gaussian(random));
    return made;
}

double auc_of(const std::vector<Sample>& samples) {
    std::vector<double> idle, busy;
    for (const auto& one : samples)
        (one.busy ? busy : idle).push_back(one.score);
    return auc(idle, busy);
}

}  // namespace

TEST_CASE("statistics: AUC of few, of ties, and of two Gaussians") {
    using V = std::vector<double>;
    CHECK(auc(V{1, 2, 3}, V{2, 3, 4}) == Approx(7.0 / 9));
    CHECK(auc(V{1, 1}, V{1, 1, 1}) == 0.5);
    CHECK(auc(V{5, 6}, V{1, 2}) == 0);
    CHECK(auc(V{-3}, V{7}) == 1);
    base::SeededRandom random{1};
    // Phi(d / sqrt 2)
    for (const auto& [apart, area] : {std::pair{0.5, 0.6382}, {1.0, 0.7602}, {2.0, 0.9214}})
        CHECK(std::abs(auc(gaussians(random, 8000, 0), gaussians(random, 8000, apart)) - area) <
              0.015);
}

TEST_CASE("statistics: the bound on an AUC draws networks, not clients") {
    base::SeededRandom random{2};
    std::vector<Sample> samples, copied;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        const Sample one{seed, seed % 2 == 1, gaussian(random)};
        samples.push_back(one);
        copied.insert(copied.end(), 20, one);
    }
    base::SeededRandom one{3}, other{3};
    const auto bound = auc_bound(samples, one, 400);
    CHECK(bound.point == Approx(auc_of(samples)));
    // If the classes do not differ, its deviation is sqrt((2n + 1) / 12) / n, n = 1000 of each
    // class.
    CHECK(std::abs((bound.upper - bound.point) / (1.645 * 0.0129) - 1) < 0.2);
    CHECK(std::abs(bound.deviation / 0.0129 - 1) < 0.1);
    // Twenty copies of one client contain no more information than one.
    const auto of_copies = auc_bound(copied, other, 400);
    CHECK(of_copies.point == Approx(bound.point));
    CHECK(of_copies.upper == Approx(bound.upper));
}

TEST_CASE("statistics: true positives at a rate of false alarms") {
    std::vector<double> idle(100);
    for (std::size_t i = 0; i < idle.size(); ++i)
        idle[i] = static_cast<double>(i);
    const std::vector<double> busy{50, 89, 90, 95};  // the threshold is 89.1
    CHECK(true_positive_rate(idle, busy, 0.1) == 0.5);
}

TEST_CASE("statistics: Kolmogorov-Smirnov distances") {
    using V = std::vector<double>;
    CHECK(ks_distance(V{4, 2, 3, 1}, V{3, 4, 5, 6}) == Approx(0.5));
    CHECK(ks_distance(V{1, 2}, V{1, 2, 1, 2}) == 0);
    CHECK(ks_distance(V{1, 2}, V{3}) == 1);
    const auto uniform = [](double x) { return std::clamp(x, 0.0, 1.0); };
    CHECK(ks_distance(V{0.5}, uniform) == Approx(0.5));
    CHECK(ks_distance(V{0.75, 0.25}, uniform) == Approx(0.25));
    CHECK(ks_distance(V{0.9, 0.95}, uniform) == Approx(0.9));
}

TEST_CASE("statistics: entropy, quantile, mean") {
    using V = std::vector<double>;
    CHECK(entropy_bits(V{1, 1, 1, 1}) == Approx(2));
    CHECK(entropy_bits(V{2, 0, 1, 1}) == Approx(1.5));
    CHECK(entropy_bits(V{7}) == 0);
    CHECK(quantile({5, 1, 4, 2, 3}, 0.5) == 3);
    CHECK(quantile({5, 1, 4, 2, 3}, 0.9) == Approx(4.6));
    CHECK(quantile({5, 1, 4, 2, 3}, 0) == 1);
    CHECK(quantile({5, 1, 4, 2, 3}, 1) == 5);
    CHECK(mean(V{1, 2, 6}) == 3);
}

TEST_CASE("statistics: the discriminant's direction is the one that a formula gives") {
    using Rows = std::vector<std::vector<double>>;
    const Rows idle{{-1, 0}, {1, 0}, {0, 1}, {0, -1}};
    const Rows busy{{1, 0}, {3, 0}, {2, 1}, {2, -1}};
    const auto learnt = Discriminant::fit(idle, busy);
    // Both features have variance 1/2; the classes are 2 apart in the first; the ridge is 0.1.
    const auto at = [&](double x, double y) { return learnt.score(std::vector{x, y}); };
    CHECK(at(3, 0) == Approx(2 * 2 / (0.5 * 1.1)).epsilon(1e-4));
    CHECK(at(1, 0) == Approx(0));
    CHECK(at(1, 5) == Approx(0));
    // Noise common to both features cancels if the discriminant uses their covariance.
    base::SeededRandom random{4};
    Rows quiet, loud;
    for (int i = 0; i < 500; ++i)
        for (auto* rows : {&quiet, &loud}) {
            const auto noise = gaussian(random);
            rows->push_back({noise + 0.05 * gaussian(random) + (rows == &loud ? 0.2 : 0), noise});
        }
    const auto sharp = Discriminant::fit(quiet, loud, 1e-4);
    std::vector<double> idle_scores, busy_scores;
    for (const auto& row : quiet)
        idle_scores.push_back(sharp.score(row));
    for (const auto& row : loud)
        busy_scores.push_back(sharp.score(row));
    CHECK(auc(idle_scores, busy_scores) > 0.98);
}

TEST_CASE("statistics: cross-fitting finds nothing in noise, and what is there") {
    base::SeededRandom random{5};
    std::vector<Observation> noise, signal;
    std::vector<std::vector<double>> idle, busy;
    for (std::uint64_t i = 0; i < 400; ++i) {
        const bool is_busy = i / 2 % 2 == 1;
        auto features = gaussians(random, 80, 0);
        (is_busy ? busy : idle).push_back(features);
        noise.push_back({i, is_busy, features});
        features[7] += is_busy ? 3 : 0;
        signal.push_back({i, is_busy, std::move(features)});
    }
    const auto learnt = Discriminant::fit(idle, busy);
    std::vector<double> idle_scores, busy_scores;
    for (const auto& row : idle)
        idle_scores.push_back(learnt.score(row));
    for (const auto& row : busy)
        busy_scores.push_back(learnt.score(row));
    CHECK(auc(idle_scores, busy_scores) > 0.65);  // tested on its own training data
    const auto samples = cross_fitted(noise);
    CHECK(samples.size() == noise.size());
    CHECK(std::abs(auc_of(samples) - 0.5) < 0.1);
    CHECK(auc_of(cross_fitted(signal)) > 0.9);
}

TEST_CASE("the bound of what is cross-fitted is passed by chance as often as it says") {
    base::SeededRandom random{77};
    unsigned above = 0, above_pooled = 0;
    constexpr unsigned trials = 400;
    for (unsigned trial = 0; trial < trials; ++trial) {
        // One feature without information; ten networks of 20 clients.
        std::vector<Observation> noise;
        for (unsigned i = 0; i < 200; ++i)
            noise.push_back({i / 20, random.unit() < 0.5, {random.unit()}});
        const auto samples = cross_fitted(noise);
        above += cross_bound(samples, random, 200).upper < 0.5;
        above_pooled += auc_bound(samples, random, 200).upper < 0.5;
    }
    // 5 %, plus the error of a bootstrap over only ten networks. Pooled it would be some 12 %.
    CHECK(above < trials * 9 / 100);
    CHECK(above_pooled > above);
}
