// What this machine can do: a short burst of the work that costs a relay most, by the same code
// that its workers run. It is measured once, at the start, so the figure says nothing of traffic.
#pragma once

#include <cstdint>
#include <string>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

struct SelfTest {
    std::uint32_t packets_per_second = 0;  // of one worker; in hundreds, at least 100
    std::string kernel;                    // the code for this processor: portable, avx2 or ifma
};

/// Takes one layer off packets of its own for `burst` of processor time, and counts them. On a busy
/// machine it stops after ten times as long. First it takes a packet through a whole route, and
/// throws node::process::StartupError if the message does not come out: then the processor, its
/// memory or this build is broken. Any thread.
SelfTest self_test(base::Milliseconds burst = base::Milliseconds{50});

/// What the first call in this process measured; a descriptor says what it gave. Throws what
/// self_test() throws. Any thread.
const SelfTest& own_self_test(base::Milliseconds burst = base::Milliseconds{50});

}  // namespace nightjar::relay::operation
