#include "relay/operation/capacity.hpp"

#include <algorithm>

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

}  // namespace

std::uint32_t coarse(std::uint32_t number) {
    const auto place = first_place(number);
    return number / place * place;
}

std::uint32_t announced_capacity(const CapacityFacts& facts) {
    const auto now = machine(facts);
    const bool stays =
        facts.before == coarse(facts.before) && facts.before > 0 && still_fits(facts.before, now);
    const auto of_machine = std::min(stays ? facts.before : coarse(now), coarse(io_thread_packets));
    return std::max(1u, coarse(std::min(of_machine, facts.configured.value_or(of_machine))));
}

std::optional<std::string> capacity_warning(const CapacityFacts& facts) {
    if (!facts.configured || *facts.configured <= machine(facts)) return std::nullopt;
    return "`capacity: " + std::to_string(*facts.configured) +
           "` is more than this machine does (" + std::to_string(machine(facts)) +
           " packets/s by the self-test): the relay announces " +
           std::to_string(announced_capacity(facts)) + "; lower it, or remove it";
}

}  // namespace nightjar::relay::operation
