// Decides which 32-byte strings are points of Curve25519 and not of its twist. For public values
// only: it does not run in constant time. Internal to sphinx/packet.
#pragma once

#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"

namespace nightjar::crypto {

/// True if there is a v with v^2 = u^3 + 486662 u^2 + u. The top bit is ignored, as in a
/// multiplication.
bool on_curve(const base::MixKey& u);

/// The x coordinate of the point in its Edwards form (with y = (u - 1) / (u + 1)). There are two,
/// because a u coordinate has no sign; returns either. nullopt for a point of the twist.
std::optional<base::ByteArray<32>> edwards_x(const base::MixKey& u);

}  // namespace nightjar::crypto
