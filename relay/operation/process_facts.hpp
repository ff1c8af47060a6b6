// What the system says of this process: CPU time, memory, open files, and how far it confines it.
// Any thread.
#pragma once

#include <cstdint>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/sandbox.hpp"

namespace nightjar::relay::operation {

/// A fact that the system does not give is 0.
struct ProcessFacts {
    base::Milliseconds cpu{};  // since the start, user and system
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_files = 0;
};

ProcessFacts process_facts();

/// What the sandbox of this process confines: nothing before note_sandbox(), which is called before
/// there is a second thread.
node::process::Sandbox sandbox_in_force();
void note_sandbox(const node::process::Sandbox& entered);

}  // namespace nightjar::relay::operation
