// How often the sources of a kind of request may make one, by network prefix: each prefix of
// prefix_shares.hpp has a token bucket. The longer the prefix, the lower its rate, so neither one
// address nor one customer with many of them gets more than its share.
//
// Memory is fixed: buckets are cells of a table, found by a keyed hash, two for each prefix. A
// prefix is refused only if both of its cells are empty, so of N prefixes that are busy, each one
// hinders another with a probability of about (N / cells)^2. Pure; one thread.
#pragma once

#include <array>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::base {

struct PrefixRate {
    double per_second = 20;  // of an IPv4 address or IPv6 /64; a /56 has twice, a /24 or /48 four
    double burst = 40;       // times as much
};

class PrefixRates {
 public:
    static constexpr std::size_t cells = 4096;

    /// Precondition: both numbers of `rate` are above 0.
    PrefixRates(PrefixRate rate, Random& random);

    /// Takes one token of each prefix of the address. If one of them has none, takes nothing and
    /// returns false. An earlier time than before never adds tokens.
    bool take(const IpAddress& from, Mono now);
    /// Takes as much of `tokens` as each prefix of the address has, and returns it: 0 to `tokens`.
    double take_up_to(const IpAddress& from, double tokens, Mono now);
    /// Returns tokens that were taken and not used. A bucket never holds more than its burst.
    void give_back(const IpAddress& from, double tokens, Mono now);
    /// Forgets when those came whose bucket is full again: burst / per_second ago at most. Call it
    /// from time to time: until then the table can confirm that an address came, and when.
    void forget(Mono now);
    /// The number of entries that say when a source connected.
    std::size_t remembered() const;

 private:
    struct Cell {
        double used = 0;  // the part of the burst that is spent
        Mono at;          // when that was so
    };
    static constexpr std::size_t rows = 2;
    struct Bucket {  // of one prefix
        std::array<Cell*, rows> cells;
        double part;  // one token's part of the burst
    };

    double used(const Cell& cell, Mono now) const;
    std::vector<Bucket> buckets(const IpAddress& from);
    double left(const Bucket& bucket, Mono now) const;
    void spend(const std::vector<Bucket>& buckets, double tokens, Mono now);

    PrefixRate rate_;
    KeyedHash hash_;
    std::array<std::vector<Cell>, rows> table_;
};

}  // namespace nightjar::base
