// What the kernel keeps for this process, for `disclose`: its open sockets and files, where its log
// goes, and whether the machine has swap. Asked from the kernel when `disclose` is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace nightjar::relay::operation {

struct OpenDescriptors {
    std::size_t connections = 0;  // TCP, with a peer: its address is in the kernel
    std::size_t listeners = 0;    // TCP
    std::size_t datagrams = 0;    // UDP: name lookups
    std::size_t local = 0;        // unix and netlink sockets
    std::size_t files = 0;
    std::size_t others = 0;  // pipes, timers, the event queue
    /// Descriptors above this number were not looked at.
    std::size_t looked_at = 0;
};

/// Asks the kernel about each possible descriptor, at most 65,536: some milliseconds.
OpenDescriptors open_descriptors();

/// Where the log goes: "journal or another socket", "file", "pipe", "terminal or device",
/// "nowhere".
std::string log_target();

/// The bytes of swap that this machine has; nullopt if the kernel does not say.
std::optional<std::uint64_t> swap_bytes();

}  // namespace nightjar::relay::operation
