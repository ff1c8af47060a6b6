// What a relay's next process must know about time: a small file beside the epoch keys. Like them
// it survives a restart of the process and ends with this boot, as CLOCK_BOOTTIME does.
//
//   clock      nightjar clock v1
//              difference-ms 1764399600000
//              epoch 482911 ends-ms 5400000
#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::keys {

struct ClockRecord {
    /// Wall clock minus boot clock, as the last process has kept it; nullopt: no process has yet.
    std::optional<base::Milliseconds> difference;
    /// The boot clock at the end of each key's epoch, by what the relay took for the time when it
    /// made the key.
    std::map<base::Epoch, base::Milliseconds> ends;
    bool operator==(const ClockRecord&) const = default;
};

/// The record in this runtime directory; an empty one if there is no file. Throws node::KeyError if
/// the file is no record.
ClockRecord read_clock_record(const std::filesystem::path& directory);
/// Replaces the record. Throws std::system_error.
void write_clock_record(const std::filesystem::path& directory, const ClockRecord& record);

}  // namespace nightjar::relay::keys
