// What a relay's configuration needs of the system, and whether it gets that. Pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "relay/doctor/finding.hpp"
#include "relay/operation/config.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::doctor {

/// How many files a relay has open.
struct DescriptorsNeeded {
    std::uint64_t always = 0;   // with all links, clients and connections that it may have
    std::uint64_t at_most = 0;  // while strangers also fill all places for handshakes
};
DescriptorsNeeded descriptors_needed(const operation::RelayConfig& config,
                                     const directory::Document& document);

/// `limit`: the running relay's, else the hard limit of this process, to which `run` would raise
/// its own.
Finding descriptors(std::uint64_t limit, const DescriptorsNeeded& needed);

/// The bytes of the replay filters when they are full: two keys have packets at once, and a filter
/// grows to twice its size. They are files in the runtime directory and locked in memory.
std::uint64_t filter_bytes_max(const operation::RelayConfig& config,
                               const directory::Document& document);

/// What a relay locks in memory at most: those filters, and its keys.
std::uint64_t locked_bytes_max(const operation::RelayConfig& config,
                               const directory::Document& document);

struct MemoryLock {
    std::optional<bool> locked;  // what the running relay says; nullopt: it does not run
    std::uint64_t limit = 0;     // of this process, in bytes
    bool swap = false;
};
Finding memory_lock(const MemoryLock& lock, std::uint64_t needed);

/// `measured`: packets per second of one worker, in a self-test.
struct Speed {
    std::uint64_t measured = 0;
    std::uint32_t workers = 0;
    std::uint32_t cores = 0;
    std::uint64_t needed = 0;  // what the replay filters are made for
};
Finding speed(const Speed& speed);

/// `month`: the operator's cap in bytes. `loops`: the packets a second that no cap lowers. nullopt:
/// there is no cap.
std::optional<Finding> traffic_month(std::optional<std::uint64_t> month, std::uint32_t announced,
                                     double loops);

/// A file system, as statvfs(3) describes it.
struct Room {
    std::filesystem::path folder;
    bool read_only = false;
    std::uint64_t size = 0;   // bytes
    std::uint64_t free = 0;   // bytes for this user
    std::uint64_t files = 0;  // further files for this user
};
/// data_dir: a descriptor is written there each epoch.
Finding disk(const Room& room);
/// runtime_dir. `needed`: what filter_bytes_max() says.
Finding runtime_space(const Room& room, std::uint64_t needed);

}  // namespace nightjar::relay::doctor
