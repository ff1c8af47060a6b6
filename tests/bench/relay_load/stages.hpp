// Where a relay's processor time goes, by samples of `perf`.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace nightjar::bench {

/// Samples a process from its construction until shares().
class Sampler {
 public:
    /// Throws std::runtime_error if perf does not start: it is not installed, or this user may not
    /// use it.
    explicit Sampler(pid_t process);
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// The share of each stage in the samples. Call it once.
    std::map<std::string, double> shares();

 private:
    void stop();

    pid_t process_;
    pid_t perf_ = -1;
    test::TemporaryFolder folder_;
};

/// The stage of a function of the relay. `io`: it ran on the I/O thread. `object`: the program or
/// library that holds it, or "[kernel.kallsyms]".
std::string stage_of(const std::string& function, const std::string& object, bool io);

}  // namespace nightjar::bench
