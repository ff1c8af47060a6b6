// The capacity that a relay announces in its descriptor: packets a second. It follows from the
// self-test at the start; the operator may lower it, and never raise it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nightjar::relay::operation {

/// A packet costs the I/O thread a cell in and a cell out, 10 us each (startup.cpp), and it should
/// be three quarters busy at most.
inline constexpr std::uint32_t io_thread_packets = 37'500;

/// What a packet takes of the line: a cell in and a cell out, with TLS, TCP, IP and
/// acknowledgements.
inline constexpr std::uint64_t line_bytes_per_packet = 2 * 2'560;

/// The longest month, so a cap holds in each one.
inline constexpr std::uint64_t month_seconds = std::uint64_t{31} * 86'400;

/// The packets a second that fill `bytes` in a month. At least 1.
std::uint32_t month_packets(std::uint64_t bytes);

/// How many bytes of the line so many packets take: the reverse of month_packets().
std::uint64_t month_bytes(std::uint64_t packets);

/// "2 TB", "1500 GB": a whole number of 1 to 9999, a space, and GB, TB or PB (powers of 1000).
/// nullopt: another text.
std::optional<std::uint64_t> parse_traffic(std::string_view text);
/// A text for people: "2.0 TB".
std::string traffic_text(std::uint64_t bytes);

struct CapacityFacts {
    std::uint32_t measured = 0;  // packets a second of one worker, by the self-test
    std::uint32_t workers = 1;
    std::uint32_t cores = 1;                  // of this machine
    std::optional<std::uint32_t> configured;  // the operator's `capacity`
    std::uint32_t before = 0;                 // what the last descriptor said; 0: there is none
    std::optional<std::uint64_t> month{};     // the operator's `traffic_month`, in bytes
};

/// The number's first digit, and zeros. A finer figure would show more of the machine, and would
/// differ at every start.
std::uint32_t coarse(std::uint32_t number);

/// At least 1. What was announced before stays until the machine is a quarter beyond that step of
/// coarse(), so that a measurement's noise moves no clients.
std::uint32_t announced_capacity(const CapacityFacts& facts);

/// Why no announced capacity holds the month's cap, with the mend: `floor` packets a second pass
/// the relay by the law although no client chooses it. nullopt: there is no cap, or it can hold.
struct MonthFault {
    std::string what;
    std::string mend;
};
std::optional<MonthFault> month_fault(std::optional<std::uint64_t> month, double floor);

/// A warning for the operator, if `capacity` says more than the machine does.
std::optional<std::string> capacity_warning(const CapacityFacts& facts);

}  // namespace nightjar::relay::operation
