// The set of replay tags that were seen under one mix key: a Bloom filter over memory that its
// owner provides, so that it can be stored in a tmpfs and survive a crash of the process. It never
// fails open: a filter that holds more tags than planned refuses new packets more often, but
// forgets none.
//
// All bits of a tag are in two blocks of 64 bytes, because at a relay's size each block costs one
// cache miss (Putze, Sanders, Singler 2007, "Cache-, Hash- and Space-Efficient Bloom Filters":
// blocked filters; docs/decisions/0019).
//
// The memory is the entire state: a new filter over the same bytes continues where the last one
// stopped, even after a crash at any instant. The bits of a tag are set before its packet is acted
// on, so a crash in between loses a packet but never accepts one twice. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay::core {

class ReplayFilter {
 public:
    static constexpr std::size_t line_size = 64;  // bytes; a cache line
    static constexpr unsigned lines_of_tag = 2;
    static constexpr unsigned probes = 8;         // bits per tag in each of its lines
    static constexpr unsigned bits_per_tag = 32;  // 7.9 * 10^-7 false alarms

    /// The number of bytes for `packets` tags with at most one false alarm in 10^6 packets: 4 bytes
    /// per packet. (It gives 7.9 * 10^-7, because lines fill unevenly.)
    static std::size_t bytes_for(std::uint64_t packets);

    /// `memory` must outlive the filter. Preconditions: it is all zeros when new, and holds at
    /// least one line; an incomplete line at its end is not used. For speed it should be aligned to
    /// line_size.
    explicit ReplayFilter(base::ByteSpan memory);
    virtual ~ReplayFilter() = default;
    ReplayFilter(const ReplayFilter&) = delete;
    ReplayFilter& operator=(const ReplayFilter&) = delete;

    /// Adds the tag. Returns false if it was already there, or appears so (a false alarm).
    bool insert(const packet::ReplayTag& tag);
    /// Prefetches the memory that insert() of this tag will touch, without waiting for it. With
    /// many tags, call it a few tags ahead. Changes nothing.
    void fetch(const packet::ReplayTag& tag) const;

    /// The probability that the next new tag is refused, computed from the bits that are set. Reads
    /// the whole memory: call it for a status page, not for each packet.
    double false_alarm_rate() const;

 private:
    base::ByteSpan line(std::uint64_t word) const;

    base::ByteSpan memory_;  // a whole number of lines
};

}  // namespace nightjar::relay::core
