#include "tests/lab/sessions/spectral_score.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nightjar::lab::sessions {
namespace {

using Complex = std::complex<double>;
constexpr std::size_t points = segment_ms / 2;  // of 2 ms
const auto frequencies = static_cast<std::size_t>(highest_hz * segment_ms / 1000);

double hertz(std::size_t i) {
    return static_cast<double>(i + 1) * 1000 / segment_ms;
}

/// In place; the length is a power of two.
void transform(std::vector<Complex>& data) {
    static const auto turns = [] {
        std::vector<Complex> table(points / 2);
        for (std::size_t i = 0; i < table.size(); ++i)
            table[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / points);
        return table;
    }();
    for (std::size_t i = 1, j = 0; i < data.size(); ++i) {
        auto bit = data.size() / 2;
        for (; j & bit; bit /= 2)
            j ^= bit;
        j ^= bit;
        if (i < j) std::swap(data[i], data[j]);
    }
    for (std::size_t length = 2; length <= data.size(); length *= 2)
        for (std::size_t begin = 0; begin < data.size(); begin += length)
            for (std::size_t i = 0; i < length / 2; ++i) {
                auto& low = data[begin + i];
                auto& high = data[begin + i + length / 2];
                const auto turned = high * turns[i * (points / length)];
                high = low - turned;
                low += turned;
            }
}

/// Events near the segment's ends count less, so that the ends do not show: events of one segment
/// that arrive in the next would be noise, and a beat that is cut off a pattern.
double taper(double place) {
    constexpr double slope = 8000 / 2.0;  // points; 8 s
    const auto inside = std::min({1.0, place / slope, (points - place) / slope});
    return 0.5 - 0.5 * std::cos(std::numbers::pi * inside);
}

/// Adds the events of one segment, less their mean rate. Each is split over two points, so that its
/// moment stays exact. Returns their number, as noise counts them.
double add(const Moments& moments, double begin, Complex unit, std::vector<Complex>& data) {
    const auto from = std::lower_bound(moments.begin(), moments.end(), begin);
    const auto to = std::lower_bound(from, moments.end(), begin + segment_ms);
    double sum = 0, squares = 0, all = 0;
    for (auto at = from; at != to; ++at) {
        const auto place = (*at - begin) / 2, weight = taper(place);
        const auto point = static_cast<std::size_t>(place);
        const auto part = place - static_cast<double>(point);
        data[point] += unit * weight * (1 - part);
        data[(point + 1) % points] += unit * weight * part;
        sum += weight;
        squares += weight * weight;
    }
    for (std::size_t point = 0; point < points; ++point)
        all += taper(static_cast<double>(point));
    for (std::size_t point = 0; point < points; ++point)
        data[point] -= unit * taper(static_cast<double>(point)) * (sum / all);
    return squares;
}

/// What is left of an oscillation behind the route.
Complex behind(const attacks::Route& route, double frequency) {
    const auto turn = 2 * std::numbers::pi * frequency;
    return std::polar(1.0, -turn * attacks::link_and_tick * route.hops) /
           std::pow(Complex{1, turn * route.mean_delay}, static_cast<int>(route.hops));
}

/// Power by event that the model leaves out. It keeps the weights finite.
constexpr double unknown_noise = 1e-4;

}  // namespace

std::pair<Spectrum, Spectrum> spectra(const Moments& a, double begin_a, const Moments& b,
                                      double begin_b) {
    std::vector<Complex> data(points);
    std::pair<Spectrum, Spectrum> both;
    both.first.events = add(a, begin_a, {1, 0}, data);
    both.second.events = add(b, begin_b, {0, 1}, data);
    transform(data);
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto up = data[i + 1], down = std::conj(data[points - 1 - i]);
        both.first.at.emplace_back((up + down) / 2.0);
        both.second.at.emplace_back((up - down) / Complex{0, 2});
    }
    return both;
}

FlowLikelihood::FlowLikelihood(const attacks::Route& route, double share)
    : shift_ms_{2 * std::round(500 * route.hops * (route.mean_delay + attacks::link_and_tick))} {
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto passed = behind(route, hertz(i));
        const auto shifted =
            passed * std::polar(1.0, 2 * std::numbers::pi * hertz(i) * shift_ms_ / 1000);
        passed_.emplace_back(share * shifted);
        noise_.push_back(static_cast<float>(1 - share * std::norm(passed) + unknown_noise));
    }
}

FlowLikelihood::Cause FlowLikelihood::prepare(const Spectrum& cause) const {
    Cause prepared;
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto expected = passed_[i] * cause.at[i];
        prepared.weighted.push_back(expected / noise_[i]);
        prepared.energy += std::norm(expected) / noise_[i];
    }
    return prepared;
}

double FlowLikelihood::ratio(const Cause& cause, const Spectrum& seen) const {
    double sum = 0;
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto a = cause.weighted[i], b = seen.at[i];
        sum += a.real() * b.real() + a.imag() * b.imag();
    }
    return (2 * sum - cause.energy) / std::max(1.0, seen.events);
}

SharedSlots::SharedSlots(const attacks::Route& route, double share_a, double share_b) {
    // Measured shares can add up to a little more than all slots.
    const auto sum = std::max(1.0, share_a + share_b);
    share_a /= sum;
    share_b /= sum;
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto passed = std::norm(behind(route, hertz(i)));
        // By the root of both counts.
        const auto cross = -std::sqrt(share_a * share_b) * passed;
        const auto own_a = 1 - share_a * passed + unknown_noise,
                   own_b = 1 - share_b * passed + unknown_noise;
        const auto left = own_a * own_b - cross * cross;
        const auto common = cross * cross / left;
        at_.push_back({static_cast<float>(2 * cross / left), static_cast<float>(common / own_a),
                       static_cast<float>(common / own_b),
                       static_cast<float>(-std::log(1 - cross * cross / (own_a * own_b)))});
    }
}

double SharedSlots::ratio(const Spectrum& a, const Spectrum& b) const {
    const auto scale = 1 / std::sqrt(a.events * b.events);
    double sum = 0;
    for (std::size_t i = 0; i < frequencies; ++i) {
        const auto& at = at_[i];
        const double both = a.at[i].real() * b.at[i].real() + a.at[i].imag() * b.at[i].imag();
        sum += at.weight_cross * both * scale - at.weight_a * std::norm(a.at[i]) / a.events -
               at.weight_b * std::norm(b.at[i]) / b.events + at.offset;
    }
    return sum;
}

}  // namespace nightjar::lab::sessions
