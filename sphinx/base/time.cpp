#include "sphinx/base/time.hpp"

#include <array>
#include <cstdio>

namespace nightjar::base {

namespace {

std::string utc(Wall at, const char* between, const char* after) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<Seconds>(at - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%s%02d:%02d:%02d%s",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), between,
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()), after);
    return text.data();
}

}  // namespace

std::string utc_text(Wall at) {
    return utc(at, " ", " UTC");
}

std::string utc_stamp(Wall at) {
    return utc(at, "T", "Z");
}

}  // namespace nightjar::base
