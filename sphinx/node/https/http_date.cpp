#include "sphinx/node/https/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace nightjar::node::https {

namespace {

constexpr std::size_t date_size = 29;
constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// The number at a place, without a sign. What is no number gives 0 or a part of it:
/// parse_http_date() compares the whole text.
int number(std::string_view text, std::size_t from, std::size_t size) {
    unsigned value = 0;
    std::from_chars(text.data() + from, text.data() + from + size, value);
    return static_cast<int>(value);
}

}  // namespace

std::string http_date(base::Wall at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<base::Seconds>(at - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

std::optional<base::Wall> parse_http_date(std::string_view text) {
    if (text.size() != date_size) return std::nullopt;
    const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
    const std::chrono::year_month_day date{
        std::chrono::year{number(text, 12, 4)},
        std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
        std::chrono::day{static_cast<unsigned>(number(text, 5, 2))}};
    if (!date.ok()) return std::nullopt;
    const base::Wall at = std::chrono::sys_days{date} + std::chrono::hours{number(text, 17, 2)} +
                          std::chrono::minutes{number(text, 20, 2)} +
                          base::Seconds{number(text, 23, 2)};
    if (http_date(at) != text) return std::nullopt;
    return at;
}

}  // namespace nightjar::node::https
