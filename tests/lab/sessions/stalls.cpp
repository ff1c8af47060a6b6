#include "tests/lab/sessions/stalls.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr double bin = 0.1;     // seconds
constexpr double before = 0.5;  // the response is looked for from before a stall's begin
constexpr double behind = 5;    // to so long after its end

/// Counts of events by bins, each less their mean.
std::vector<double> deviations(const attacks::Times& times, double from, double to) {
    std::vector<double> counts(static_cast<std::size_t>((to - from) / bin));
    for (const double at : times)
        if (at >= from && at < from + bin * static_cast<double>(counts.size()))
            counts[static_cast<std::size_t>((at - from) / bin)] += 1;
    const auto mean = measure::mean(counts);
    for (auto& count : counts)
        count -= mean;
    return counts;
}

class Responses {
 public:
    Responses(const Stalls& stalls, double from) : stalls_{stalls}, from_{from} {}

    /// The mean of the counts around a client's stalls, by bins from each one's begin.
    std::vector<double> response(const std::vector<double>& counts, unsigned client) const {
        const auto length =
            static_cast<std::size_t>((before + stalls_.line().lasts + behind) / bin);
        std::vector<double> sum(length);
        double stalls = 0;
        for (const auto at : stalls_.begins(client)) {
            const auto first = std::lround((at - before - from_) / bin);
            if (first < 0 || static_cast<std::size_t>(first) + length > counts.size()) continue;
            for (std::size_t i = 0; i < length; ++i)
                sum[i] += counts[static_cast<std::size_t>(first) + i];
            ++stalls;
        }
        for (auto& value : sum)
            value /= std::max(1.0, stalls);
        return sum;
    }

 private:
    const Stalls& stalls_;
    double from_;
};

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        sum += a[i] * b[i];
    return sum;
}

}  // namespace

Stalls::Stalls(const Line& line, attacks::CrowdOptions& options)
    : line_{line},
      relays_{std::size_t{options.network.layers} * options.network.mixes_per_layer +
              options.network.gateways},
      begins_(options.clients) {
    base::SeededRandom random{options.seed + 29};
    for (auto& begins : begins_)
        for (double at = 0; at < options.seconds; at += line_.lasts) {
            at += base::to_seconds(random.exponential(base::from_seconds(line_.every)));
            begins.push_back(at);
        }
    options.tamper = [this](lab::world::OnWire& cell) { meddle(cell); };
}

void Stalls::meddle(lab::world::OnWire& cell) const {
    const bool up = cell.from_number >= relays_;
    if (!up && cell.to_number < relays_) return;
    const auto& begins = begins_[(up ? cell.from_number : cell.to_number) - relays_];
    const auto at = base::to_seconds(cell.sent - lab::world::World::begin);
    const auto next = std::upper_bound(begins.begin(), begins.end(), at);
    if (next == begins.begin()) return;
    const auto left = *(next - 1) + line_.lasts - at;
    if (left <= 0) return;
    if (line_.cut)
        cell.copies = 0;
    else
        cell.held_back = base::from_seconds(left);
}

StallScores score_by_stalls(const Stalls& stalls, const std::vector<FarEnd>& ends, double from,
                            double to) {
    const Responses responses{stalls, from};
    std::vector<std::vector<double>> counts;
    for (const auto& end : ends)
        counts.push_back(deviations(*end.times, from, to));
    // Learned from the clients of one half, tried on the other's.
    std::array<std::vector<double>, 2> learned;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        auto& to_half = learned[i % 2];
        const auto own = responses.response(counts[i], ends[i].client);
        to_half.resize(own.size());
        for (std::size_t k = 0; k < own.size(); ++k)
            to_half[k] += own[k];
    }
    StallScores scores;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const auto& expected = learned[(i + 1) % 2];
        const auto score = [&](unsigned client) {
            return product(expected, responses.response(counts[i], client));
        };
        scores.own.push_back(score(ends[i].client));
        bool best = true;
        for (unsigned client = 0; client < stalls.clients(); ++client) {
            if (client == ends[i].client) continue;
            scores.foreign.push_back(score(client));
            best = best && scores.foreign.back() < scores.own.back();
        }
        scores.right += best;
    }
    return scores;
}

}  // namespace nightjar::lab::sessions
