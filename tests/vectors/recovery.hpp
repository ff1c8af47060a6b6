// The secrets that the owner of a SURB keeps, in the vectors' format.
#pragma once

#include <algorithm>
#include <stdexcept>

#include "sphinx/packet/surb.hpp"
#include "tests/vectors/vectors.hpp"

namespace nightjar::vectors {

inline packet::SurbKeys recovery(const Json& object) {
    const auto bytes = hex(object, "recovery");
    if (bytes.size() < 32 || bytes.size() % 16 != 0 || bytes.size() > 96)
        throw std::runtime_error("recovery of a wrong length");
    packet::SurbKeys kept;
    std::copy_n(bytes.begin(), 16, kept.identifier.bytes.begin());
    kept.hops = bytes.size() / 16 - 1;
    std::copy(bytes.begin() + 16, bytes.end(), kept.seeds.data());
    return kept;
}

}  // namespace nightjar::vectors
