// Walking a packet through the nodes of a vector, shared by forward and reply cases.
#pragma once

#include "sphinx/packet/packet.hpp"
#include "tests/vectors/vectors.hpp"

namespace nightjar::vectors {

/// Unwraps `packet` at every node and compares each field of the case's steps; returns what the
/// last hop hands on as payload.
base::Bytes check_steps(const Json& vector, base::Bytes packet);

}  // namespace nightjar::vectors
