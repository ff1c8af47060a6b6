// Long simulations in short, for builds that take ten times as long.
#pragma once

#include <cstdlib>

namespace nightjar::test {

/// True under the sanitizers (tests/support/suites.py): a case that runs the same lines for many
/// seeds or moments then takes a part of them. The suite `simulation` takes them all.
inline bool short_run() {
    return std::getenv("NIGHTJAR_SHORT") != nullptr;
}

}  // namespace nightjar::test
