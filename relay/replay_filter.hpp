// Which replay tags a mix key has seen: a Bloom filter over memory that its owner provides, so
// that it can lie in a tmpfs and outlive a crash of the process. Never fails open: a filter that
// holds more than it was sized for refuses new packets more often, it does not forget.
//
// A tag sets all its bits in two lines of 64 bytes, because at a relay's size each line is one miss
// of the cache (Putze, Sanders, Singler 2007, "Cache-, Hash- and Space-Efficient Bloom Filters":
// blocked filters; docs/decisions/0019).
//
// The memory is the whole state: a filter over the same bytes goes on where the last one ended, in
// whatever instant that one died. A tag's bits are set before its packet is acted on, so a crash in
// between costs a packet and never admits one twice. Pure, one thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay {

class ReplayFilter {
 public:
    static constexpr std::size_t line_size = 64;  // bytes
    static constexpr unsigned lines_of_tag = 2;
    static constexpr unsigned probes = 8;         // bits that a tag sets in each of its lines
    static constexpr unsigned bits_per_tag = 32;  // 7.9 * 10^-7: lines fill unevenly

    /// Bytes that hold `packets` tags with at most one false alarm in 10^6 packets: 4 a packet.
    static std::size_t bytes_for(std::uint64_t packets);

    /// `memory` (zeroed when new, at least one line; what is no whole line is left alone) outlives
    /// the filter. It is fast where it begins at a multiple of line_size.
    explicit ReplayFilter(base::ByteSpan memory);
    virtual ~ReplayFilter() = default;
    ReplayFilter(const ReplayFilter&) = delete;
    ReplayFilter& operator=(const ReplayFilter&) = delete;

    /// Remembers the tag. False if it was there before (or is taken for one that was).
    bool insert(const packet::ReplayTag& tag);
    /// Asks the memory for what insert() of this tag will touch, and does not wait for it: whoever
    /// has many tags asks a few ahead. Changes nothing.
    void fetch(const packet::ReplayTag& tag) const;

    /// The chance that the next new tag is refused, from the bits that are set. Reads all memory:
    /// for a status page, not for each packet.
    double false_alarm_rate() const;

 private:
    base::ByteSpan line(std::uint64_t word) const;

    base::ByteSpan memory_;  // whole lines
};

}  // namespace nightjar::relay
