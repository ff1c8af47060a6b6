// Which 32-byte strings are points of Curve25519 rather than of its twist. Public values only: it
// does not run in constant time. Internal to sphinx/packet.
#pragma once

#include <optional>

#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

/// Whether some v has v^2 = u^3 + 486662 u^2 + u. The top bit is ignored, as in a multiplication.
bool on_curve(const PublicKey& u);

/// The x coordinate of the point in its Edwards form (whose y is (u - 1) / (u + 1)), either of the
/// two: a u coordinate has no sign. Nothing for a point of the twist.
std::optional<base::ByteArray<32>> edwards_x(const PublicKey& u);

}  // namespace nightjar::packet
