#include "tests/lab/measure/spectral_bound.hpp"

#include <cmath>
#include <numbers>

namespace nightjar::lab::measure {
namespace {

/// The share of an oscillation's power that is left behind the route.
double passed(const Beat& beat, double frequency) {
    const auto turn = 2 * std::numbers::pi * frequency * beat.mean_delay;
    return std::pow(1 + turn * turn, -static_cast<double>(beat.hops));
}

/// Counts of displaced beats vary by what the displacement blurs, and no more.
double noise(const Beat& beat, double frequency) {
    return (beat.rate + beat.others) * (1 - passed(beat, frequency));
}

double variance_of_place(const Beat& beat) {
    return beat.jitter * beat.gap * beat.jitter * beat.gap / 12;
}

}  // namespace

double unordered_deflection(const Beat& beat) {
    // The places within the gaps.
    constexpr double step = 0.01, end = 200;  // Hz
    double sum = 0;
    for (double frequency = step / 2; frequency < end; frequency += step) {
        const auto turn = 2 * std::numbers::pi * frequency;
        sum += 2 * step * beat.rate * variance_of_place(beat) * turn * turn *
               passed(beat, frequency) / noise(beat, frequency);
    }
    // The beat itself: its phase.
    constexpr int lines = 20;
    for (int line = 1; line <= lines; ++line) {
        const auto frequency = line / beat.gap;
        sum += 2 * beat.rate * beat.rate * passed(beat, frequency) / noise(beat, frequency);
    }
    return sum;
}

double numbered_deflection(const Beat& beat) {
    // Fisher's information of one delay about a shift of its start.
    const auto information = 1 / (beat.mean_delay * beat.mean_delay * (beat.hops - 2.0));
    return beat.rate * variance_of_place(beat) * information;
}

double auc_of(double deflection, double seconds) {
    return std::erfc(-std::sqrt(deflection * seconds) / 2) / 2;
}

}  // namespace nightjar::lab::measure
