// Processes a packet at all nodes of a vector. Forward and reply cases share it.
#pragma once

#include "sphinx/packet/packet.hpp"
#include "tests/vectors/vectors.hpp"

namespace nightjar::vectors {

/// Unwraps `packet` at every node and compares each field with the case's steps. Returns the
/// payload that the last hop outputs.
base::Bytes check_steps(const Json& vector, base::Bytes packet);

}  // namespace nightjar::vectors
