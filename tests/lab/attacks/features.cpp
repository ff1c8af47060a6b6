#include "tests/lab/attacks/features.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {
namespace {

constexpr double fine_bin = 0.1;
constexpr double lag_step = 0.15;
constexpr unsigned lags = 11;
constexpr std::size_t mixes_max = 4;  // the most used mixes have a feature each, the rest share one

std::vector<double> counts(const Times& times, const Window& window, double bin) {
    const auto bins = static_cast<std::size_t>(std::max(1.0, (window.end - window.begin) / bin));
    std::vector<double> in_bin(bins);
    for (const auto at : times) {
        const auto place = (at - window.begin) / bin;
        if (place >= 0 && place < static_cast<double>(bins))
            ++in_bin[static_cast<std::size_t>(place)];
    }
    return in_bin;
}

double correlation_of(const std::vector<double>& a, const std::vector<double>& b,
                      std::size_t shift) {
    if (a.size() <= shift + 2) return 0;
    const auto n = static_cast<double>(a.size() - shift);
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (std::size_t i = 0; i + shift < a.size(); ++i) {
        const auto x = a[i], y = b[i + shift];
        sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
    }
    const auto va = saa - sa * sa / n, vb = sbb - sb * sb / n;
    return va > 0 && vb > 0 ? (sab - sa * sb / n) / std::sqrt(va * vb) : 0;
}

std::size_t bins_of(double lag, double bin) {
    return static_cast<std::size_t>(lag / bin + 0.5);
}

void append(Row& row, const Row& more) {
    row.insert(row.end(), more.begin(), more.end());
}

/// The correlations of `a` and `b` at all lags.
Row together(const Times& a, const Times& b, const Window& window) {
    const auto of_a = counts(a, window, fine_bin), of_b = counts(b, window, fine_bin);
    Row row;
    for (unsigned i = 0; i < lags; ++i)
        row.push_back(correlation_of(of_a, of_b, bins_of(lag_step * i, fine_bin)));
    return row;
}

/// The number of packets per relay in descending order, so that the relay's identity does not
/// matter.
Row by_relay(const std::vector<Trace::Passed>& passed, const Window& window) {
    std::map<std::uint32_t, double> by;
    for (const auto& one : passed)
        if (one.at >= window.begin && one.at < window.end) ++by[one.relay];
    Row sorted;
    for (const auto& [relay, count] : by)
        sorted.push_back(count);
    std::sort(sorted.rbegin(), sorted.rend());
    sorted.resize(mixes_max);
    return sorted;
}

}  // namespace

Times times_of(const std::vector<Trace::Passed>& passed) {
    Times times;
    for (const auto& one : passed)
        times.push_back(one.at);
    return times;
}

double correlation(const Times& a, const Times& b, const Window& window, double bin, double lag) {
    return correlation_of(counts(a, window, bin), counts(b, window, bin), bins_of(lag, bin));
}

Row shape(const Times& times, const Window& window, double bin) {
    auto row = counts(times, window, bin);
    std::vector<double> gaps;
    for (std::size_t i = 1; i < times.size(); ++i)
        if (times[i - 1] >= window.begin && times[i] < window.end)
            gaps.push_back(times[i] - times[i - 1]);
    if (gaps.size() < 3) {
        row.resize(row.size() + 5);
        return row;
    }
    const auto average = measure::mean(gaps);
    double variance = 0;
    for (const auto gap : gaps)
        variance += (gap - average) * (gap - average) / static_cast<double>(gaps.size());
    const auto [least, most] = std::minmax_element(gaps.begin(), gaps.end());
    append(row, {average, std::sqrt(variance), *least, *most, correlation_of(gaps, gaps, 1)});
    return row;
}

Row link_features(const Trace& trace, const Window& window) {
    auto row = shape(trace.up, window);
    append(row, shape(trace.down, window));
    return row;
}

Row every_link_features(const Trace& trace, const Crowd& crowd, const Window& window) {
    auto row = link_features(trace, window);
    // The client's own gateway first, then the others.
    const auto gateways = crowd.into_exit().size();
    for (std::size_t i = 0; i < gateways; ++i) {
        const auto gateway = (trace.gateway + i) % gateways;
        append(row, together(trace.up, crowd.into_exit()[gateway], window));
        append(row, together(trace.up, crowd.out_of_exit()[gateway], window));
    }
    return row;
}

Row gateway_features(const Trace& trace, const Crowd&, const Window& window) {
    auto row = link_features(trace, window);
    const auto delivered = times_of(trace.delivered);
    append(row, shape(delivered, window));
    append(row, by_relay(trace.to_mix, window));
    append(row, by_relay(trace.delivered, window));
    append(row, together(trace.up, delivered, window));
    return row;
}

}  // namespace nightjar::lab::attacks
