#include "client/operation/ping_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace nightjar::client::operation {

namespace {

constexpr std::size_t histogram_least = 5;  // fewer answers say more as they are
constexpr double rows_wanted = 10;
constexpr std::size_t bar_max = 50;

/// The share `part` of the answers took at most so long. Precondition: sorted, not empty.
double quantile(const std::vector<double>& sorted, double part) {
    const auto rank = std::ceil(part * static_cast<double>(sorted.size()));
    return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

/// 1, 2 or 5 times a power of ten, and at least 1 ms, for at most rows_wanted rows and one.
double row_width(double range) {
    double power = 1;
    for (;; power *= 10)
        for (const double width : {power, 2 * power, 5 * power})
            if (range / width <= rows_wanted) return width;
}

std::string histogram(const std::vector<double>& sorted) {
    const double width = row_width(sorted.back() - sorted.front());
    const double from = std::floor(sorted.front() / width) * width;
    std::vector<std::size_t> rows;
    for (const double took : sorted) {
        const auto row = static_cast<std::size_t>((took - from) / width);
        if (row >= rows.size()) rows.resize(row + 1);
        ++rows[row];
    }
    const auto most = *std::ranges::max_element(rows);
    std::string text;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        const double begin = from + static_cast<double>(row) * width;
        // Rounded up: a single answer shows.
        const auto bar = (rows[row] * bar_max + most - 1) / most;
        std::array<char, 64> line{};
        std::snprintf(line.data(), line.size(), "%6.0f to %6.0f ms %5zu ", begin, begin + width,
                      rows[row]);
        text += line.data() + std::string(bar, '#') + "\n";
    }
    return text;
}

}  // namespace

std::string ping_summary(std::vector<double> round_trips, std::size_t lost) {
    const auto sent = round_trips.size() + lost;
    if (sent == 0) return {};
    std::string text = std::to_string(sent) + " sent, " + std::to_string(lost) + " lost";
    if (round_trips.empty()) return text + "\n";
    std::ranges::sort(round_trips);
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(),
                  "; least %.0f, median %.0f, 90 %% within %.0f, most %.0f ms", round_trips.front(),
                  quantile(round_trips, 0.5), quantile(round_trips, 0.9), round_trips.back());
    text += line.data() + std::string{"\n"};
    if (round_trips.size() >= histogram_least) text += histogram(round_trips);
    return text;
}

}  // namespace nightjar::client::operation
