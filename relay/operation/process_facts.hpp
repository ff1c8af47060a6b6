// What the system says of this process: CPU time, memory, open files. Any thread.
#pragma once

#include <cstdint>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// A fact that the system does not give is 0.
struct ProcessFacts {
    base::Milliseconds cpu{};  // since the start, user and system
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_files = 0;
};

ProcessFacts process_facts();

}  // namespace nightjar::relay::operation
