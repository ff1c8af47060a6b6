#include "tests/lab/sessions/two_exits.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

namespace nightjar::lab::sessions {
namespace {

constexpr std::size_t band = 13;       // frequencies with one fitted value: 0.1 Hz
constexpr double highest_fitted = 20;  // Hz; mixes pass less than a thousandth of the rest
constexpr double sure = 4;             // a coherence counts from so many times chance on
constexpr double step_ms = 50;         // of the mean of a count
constexpr double turn = 2 * std::numbers::pi;

/// Multiples of the two phases whose sum may be the same for all clients.
constexpr int relations[][2] = {{1, -2}, {1, -1}, {1, 1}, {2, -1}, {1, 2}};

PairScores no_scores(std::size_t clients) {
    return PairScores(clients, std::vector<double>(clients));
}

/// How the fitted values of one band weigh.
struct Weights {
    std::complex<double> cross{};
    double first = 0, second = 0;
};

/// The mean of the session's count beyond a constant rate (packets by ms), in packets.
double phase(const Moments& moments, double begin, double end, double rate) {
    double sum = 0, steps = 0;
    auto next = moments.begin();
    for (double at = begin; at < end; at += step_ms, ++steps) {
        while (next != moments.end() && *next < at)
            ++next;
        sum += static_cast<double>(next - moments.begin()) - rate * (at - begin);
    }
    return sum / steps;
}

double count_in(const Moments& moments, double begin, double end) {
    return static_cast<double>(std::lower_bound(moments.begin(), moments.end(), end) -
                               std::lower_bound(moments.begin(), moments.end(), begin));
}

}  // namespace

void CrossSpectra::add(const std::vector<Spectrum>& first, const std::vector<Spectrum>& second) {
    const auto bands = static_cast<std::size_t>(highest_fitted * segment_ms / 1000) / band;
    const auto scaled = [&](const std::vector<Spectrum>& spectra) {
        std::vector<Values> all;
        for (const auto& one : spectra) {
            auto& values = all.emplace_back();
            const auto scale = static_cast<float>(1 / std::sqrt(std::max(1.0, one.events)));
            for (std::size_t i = 0; i < bands * band; ++i)
                values.push_back(one.at[i] * scale);
        }
        return all;
    };
    first_.push_back(scaled(first));
    second_.push_back(scaled(second));
}

PairScores CrossSpectra::scores() const {
    const auto clients = first_.front().size();
    const auto bands = first_.front().front().size() / band;
    auto scores = no_scores(clients);
    for (std::size_t half = 0; half < 2; ++half) {
        for (std::size_t b = 0; b < bands; ++b) {
            std::complex<double> cross{};
            double first = 0, second = 0, seen = 0;
            for (std::size_t s = 0; s < first_.size(); ++s)
                for (std::size_t i = 1 - half; i < clients; i += 2)
                    for (std::size_t k = b * band; k < (b + 1) * band; ++k, ++seen) {
                        const std::complex<double> one{first_[s][i][k]}, two{second_[s][i][k]};
                        cross += one * std::conj(two);
                        first += std::norm(one);
                        second += std::norm(two);
                    }
            const auto common = std::norm(cross);
            if (common < sure / seen * first * second) continue;
            const auto left = (first * second - common) / seen;
            const Weights weights{2.0 * std::conj(cross) / left, common / left / first,
                                  common / left / second};
            for (std::size_t s = 0; s < first_.size(); ++s)
                for (std::size_t i = half; i < clients; i += 2)
                    for (std::size_t j = half; j < clients; j += 2)
                        for (std::size_t k = b * band; k < (b + 1) * band; ++k) {
                            const std::complex<double> one{first_[s][i][k]}, two{second_[s][j][k]};
                            scores[i][j] += (weights.cross * one * std::conj(two)).real() -
                                            weights.first * std::norm(one) -
                                            weights.second * std::norm(two);
                        }
        }
    }
    return scores;
}

PairScores score_by_counts(const std::vector<SessionPair>& pairs, double begin, double end) {
    double sums[2] = {};
    for (const auto& pair : pairs) {
        sums[0] += count_in(pair.first->arrivals, begin, end);
        sums[1] += count_in(pair.second->arrivals, begin, end);
    }
    const auto all = (end - begin) * static_cast<double>(pairs.size());
    std::vector<double> first, second;
    for (const auto& pair : pairs) {
        first.push_back(phase(pair.first->arrivals, begin, end, sums[0] / all));
        second.push_back(phase(pair.second->arrivals, begin, end, sums[1] / all));
    }
    auto scores = no_scores(pairs.size());
    for (std::size_t half = 0; half < 2; ++half) {
        std::complex<double> best{};
        const int* relation = relations[0];
        for (const auto& one : relations) {
            std::complex<double> sum{};
            for (std::size_t i = 1 - half; i < pairs.size(); i += 2)
                sum += std::polar(1.0, turn * (one[0] * first[i] + one[1] * second[i]));
            if (std::norm(sum) <= std::norm(best)) continue;
            best = sum;
            relation = one;
        }
        for (std::size_t i = half; i < pairs.size(); i += 2)
            for (std::size_t j = half; j < pairs.size(); j += 2)
                scores[i][j] = std::cos(turn * (relation[0] * first[i] + relation[1] * second[j]) -
                                        std::arg(best));
    }
    return scores;
}

}  // namespace nightjar::lab::sessions
