#include "relay/operation/capacity.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace nightjar::relay::operation {

namespace {

/// The place of the first digit: 1, 10, 100, ...
std::uint32_t first_place(std::uint32_t number) {
    std::uint32_t place = 1;
    while (number / place >= 10)
        place *= 10;
    return place;
}

std::uint32_t machine(const CapacityFacts& facts) {
    const auto workers = std::max(1u, std::min(facts.workers, facts.cores));
    const auto all = std::uint64_t{facts.measured} * workers;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(all, 1, io_thread_packets));
}

/// What was announced before may stay for a machine that does `now`.
bool still_fits(std::uint32_t before, std::uint32_t now) {
    const auto next = std::uint64_t{before} + first_place(before);
    return std::uint64_t{4} * now >= std::uint64_t{3} * before &&
           4 * std::uint64_t{now} <= 5 * next;
}

constexpr std::uint64_t gigabyte = 1'000'000'000;

std::uint64_t bytes_a_month(double packets_per_second) {
    return static_cast<std::uint64_t>(
        std::ceil(packets_per_second * static_cast<double>(month_seconds * line_bytes_per_packet)));
}

}  // namespace

std::uint32_t month_packets(std::uint64_t bytes) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(bytes / (month_seconds * line_bytes_per_packet), 1, most));
}

std::uint64_t month_bytes(std::uint64_t packets) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max() / line_bytes_per_packet;
    return std::min(packets, most) * line_bytes_per_packet;
}

std::optional<std::uint64_t> parse_traffic(std::string_view text) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || number < 1 || number > 9999) return std::nullopt;
    const auto unit = std::string_view{read.ptr, static_cast<std::size_t>(end - read.ptr)};
    if (unit == " GB") return number * gigabyte;
    if (unit == " TB") return number * 1000 * gigabyte;
    if (unit == " PB") return number * 1'000'000 * gigabyte;
    return std::nullopt;
}

std::string traffic_text(std::uint64_t bytes) {
    const auto gigabytes = static_cast<double>(bytes) / static_cast<double>(gigabyte);
    char text[32];
    std::snprintf(text, sizeof text, gigabytes < 1000 ? "%.0f GB" : "%.1f TB",
                  gigabytes < 1000 ? gigabytes : gigabytes / 1000);
    return text;
}

std::optional<MonthFault> month_fault(std::optional<std::uint64_t> month, double floor) {
    const auto least = bytes_a_month(floor);
    if (!month || *month >= least) return std::nullopt;
    return MonthFault{
        "`traffic_month` of " + traffic_text(*month) +
            " cannot hold: by the traffic law the loops "
            "of all relays alone take " +
            traffic_text(least) + " in a month, whatever the relay announces",
        "raise it to " + std::to_string(least / gigabyte + 1) +
            " GB or more, or take the relay out of the network; it never sends less than the law"};
}

std::uint32_t coarse(std::uint32_t number) {
    const auto place = first_place(number);
    return number / place * place;
}

std::uint32_t announced_capacity(const CapacityFacts& facts) {
    const auto now = machine(facts);
    const bool stays =
        facts.before == coarse(facts.before) && facts.before > 0 && still_fits(facts.before, now);
    const auto of_machine = std::min(stays ? facts.before : coarse(now), coarse(io_thread_packets));
    const auto of_month = facts.month ? month_packets(*facts.month) : of_machine;
    return std::max(
        1u, coarse(std::min({of_machine, facts.configured.value_or(of_machine), of_month})));
}

std::optional<std::string> capacity_warning(const CapacityFacts& facts) {
    if (!facts.configured || *facts.configured <= machine(facts)) return std::nullopt;
    return "`capacity: " + std::to_string(*facts.configured) +
           "` is more than this machine does (" + std::to_string(machine(facts)) +
           " packets/s by the self-test): the relay announces " +
           std::to_string(announced_capacity(facts)) + "; lower it, or remove it";
}

}  // namespace nightjar::relay::operation
