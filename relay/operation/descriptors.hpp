// The process's limit of file descriptors, and what its operator learns when none is left. I/O
// thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// How many files the process may open; 0 if the system does not say.
std::uint64_t descriptors_max();

/// Logs a shortage of file descriptors, at most once in ten minutes: the users of an exit see only
/// that their connections fail.
class ShortageLog {
 public:
    /// Call it from time to time. `count`: how often the relay has found no descriptor so far.
    void look(std::uint64_t count, base::Mono now);

 private:
    std::uint64_t seen_ = 0;
    std::optional<base::Mono> logged_;
};

}  // namespace nightjar::relay::operation
