// The capacity that a relay announces in its descriptor: packets a second. It follows from the
// self-test at the start; the operator may lower it, and never raise it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace nightjar::relay::operation {

/// A packet costs the I/O thread a cell in and a cell out, 10 us each (startup.cpp), and it should
/// be three quarters busy at most.
inline constexpr std::uint32_t io_thread_packets = 37'500;

struct CapacityFacts {
    std::uint32_t measured = 0;  // packets a second of one worker, by the self-test
    std::uint32_t workers = 1;
    std::uint32_t cores = 1;                  // of this machine
    std::optional<std::uint32_t> configured;  // the operator's `capacity`
    std::uint32_t before = 0;                 // what the last descriptor said; 0: there is none
};

/// The number's first digit, and zeros. A finer figure would show more of the machine, and would
/// differ at every start.
std::uint32_t coarse(std::uint32_t number);

/// At least 1. What was announced before stays until the machine is a quarter beyond that step of
/// coarse(), so that a measurement's noise moves no clients.
std::uint32_t announced_capacity(const CapacityFacts& facts);

/// A warning for the operator, if `capacity` says more than the machine does.
std::optional<std::string> capacity_warning(const CapacityFacts& facts);

}  // namespace nightjar::relay::operation
