// Places of a bounded pool, shared fairly between network prefixes. A source of packets can have
// many addresses, so places are counted by prefix: IPv4 by /24 and /32, IPv6 by /48, /56 and /64
// together. When the pool is full, a place is taken from the heaviest prefix: the heaviest /24 or
// /48, in it the heaviest longer prefix, and there one holder at random. The newcomer counts as a
// holder. Ties says what happens if its own prefix is as heavy as any other.
//
// Hence what a prefix holds up to its fair share (places / prefixes that hold any) is never taken
// from it, whatever the others do. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::base {

/// The prefixes of an address by which its source is counted, the shortest first. An IPv4 address
/// that is mapped into IPv6 counts as IPv4.
std::vector<IpNetwork> source_prefixes(const IpAddress& address);

class PrefixShares {
 public:
    /// A name for one holder; the owner chooses it, each one once.
    using Holder = std::uint64_t;

    /// Which one of equals loses its place.
    enum class Ties {
        /// Any, at random. For places that are held shortly, such as a handshake's: no newcomer is
        /// kept out by equals that came before it.
        drawn,
        /// The newcomer: a holder loses its place only to a prefix that holds less than its own
        /// does, the newcomer included. For places that are held for long: a holder that lost its
        /// place comes again, and would take the place of the next one, for ever.
        newcomer_loses,
    };

    /// `random` must outlive this object. Precondition: places > 0.
    PrefixShares(std::size_t places, Random& random, Ties ties = Ties::drawn);
    ~PrefixShares();
    PrefixShares(const PrefixShares&) = delete;
    PrefixShares& operator=(const PrefixShares&) = delete;

    /// Gives `holder` a place. Returns the holder that lost its place for it, if the pool was full;
    /// that can be `holder` itself, which then has none. Precondition: `holder` has no place.
    std::optional<Holder> enter(const IpAddress& from, Holder holder);
    /// Frees the place. No effect if `holder` has none.
    void leave(Holder holder);
    bool holds(Holder holder) const { return holders_.contains(holder); }
    std::size_t size() const { return holders_.size(); }

 private:
    struct Branch;
    struct Place {
        Branch* leaf = nullptr;
        std::size_t index = 0;  // in the leaf's holders
    };

    void count(Branch& leaf, bool more);
    Holder loser_for(Holder newcomer);

    const std::size_t places_;
    Random& random_;
    const Ties ties_;
    std::unique_ptr<Branch> root_;
    std::unordered_map<Holder, Place> holders_;
};

}  // namespace nightjar::base
