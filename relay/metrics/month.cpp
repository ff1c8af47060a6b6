#include "relay/metrics/month.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace nightjar::relay::metrics {

namespace {

base::Wall begin_of(std::chrono::year_month month) {
    return std::chrono::sys_days{month / std::chrono::day{1}};
}

/// A window that ends with a month belongs to it.
std::chrono::year_month month_of_window(base::Wall end) {
    return month_of(end - base::Seconds{1});
}

}  // namespace

std::chrono::year_month month_of(base::Wall at) {
    const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(at)};
    return date.year() / date.month();
}

void MonthTraffic::add(const Published& window) {
    if (window.end <= until_) return;
    if (month_of_window(window.end) != month_of_window(until_)) *this = {};
    until_ = window.end;
    packets_ += std::min(window.packets_in, std::numeric_limits<std::uint64_t>::max() - packets_);
    counted_ += window.length;
}

MonthUse MonthTraffic::use(base::Wall now) const {
    const auto month = month_of(now);
    MonthUse use;
    use.passed = std::chrono::floor<base::Seconds>(now - begin_of(month));
    if (until_ == base::Wall{} || month_of_window(until_) != month) return use;
    use.packets = packets_;
    use.counted = counted_;
    return use;
}

std::string MonthTraffic::text() const {
    return "until " + std::to_string(base::unix_seconds(until_)) + " packets " +
           std::to_string(packets_) + " seconds " + std::to_string(counted_.count()) + "\n";
}

std::optional<MonthTraffic> MonthTraffic::parse(std::string_view text) {
    constexpr std::array<std::string_view, 3> words{"until ", " packets ", " seconds "};
    // A year that the calendar can say, and no month is longer than 31 days.
    constexpr std::array<std::uint64_t, 3> most{
        253'402'300'799, std::numeric_limits<std::uint64_t>::max(), std::uint64_t{62} * 86'400};
    std::array<std::uint64_t, 3> numbers{};
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!text.starts_with(words[i])) return std::nullopt;
        text.remove_prefix(words[i].size());
        const auto read = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
        if (read.ec != std::errc{} || numbers[i] > most[i]) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    }
    MonthTraffic traffic;
    traffic.until_ = base::Wall{base::Seconds{static_cast<std::int64_t>(numbers[0])}};
    traffic.packets_ = numbers[1];
    traffic.counted_ = base::Seconds{static_cast<std::int64_t>(numbers[2])};
    if (text != "\n") return std::nullopt;
    return traffic;
}

}  // namespace nightjar::relay::metrics
