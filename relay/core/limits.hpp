// Limits that several parts of a relay must agree on.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

/// What is later than this, after a stall or a suspend, is dropped: a held packet, a tick of an
/// exit session, a cell's slot on a client's link, a loop. Sent late and together it would show the
/// stall.
inline constexpr base::Nanoseconds lateness_max = base::Milliseconds{250};

}  // namespace nightjar::relay::core
