// A rate that sharers have in common: a token bucket for all of them, and one for each. While the
// common bucket is at least half full, every sharer may take. Below that, a sharer may take only
// from its own bucket, which fills at its fair part of the rate. So
//
//   - all of them together never take more than `burst` + rate x time;
//   - a sharer that takes no more than its part of the rate is never refused, whatever the others
//     do: the common bucket always holds at least what all own buckets hold.
//
// Pure; one thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "sphinx/base/time.hpp"

namespace nightjar::base {

class SharedRate {
 public:
    /// A name for one sharer. If peers choose names, give a keyed hash of them.
    using Sharer = std::uint64_t;

    /// Precondition: per_second > 0, burst >= 2.
    SharedRate(double per_second, double burst, Mono now);

    /// Takes one token. `part`: the sharer's part of the rate; all parts together are at most 1.
    /// An earlier time than before adds no tokens.
    bool take(Sharer sharer, double part, Mono now);
    /// Forgets the sharers' buckets, because parts have changed. The common one stays.
    void forget_sharers();
    /// How many sharers have a bucket of their own.
    std::size_t sharers() const { return own_.size(); }

 private:
    struct Own {
        double tokens = 0;
        double part = 0;
        Mono filled;
    };
    double all_own(Mono now);

    const double per_second_;
    const double burst_;
    double tokens_;
    Mono filled_;
    std::unordered_map<Sharer, Own> own_;
};

}  // namespace nightjar::base
