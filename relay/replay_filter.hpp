// Which replay tags a mix key has seen: a Bloom filter over memory that its owner provides, so
// that it can lie in a tmpfs and outlive a crash of the process. Never fails open: a filter that
// holds more than it was sized for refuses new packets more often, it does not forget.
//
// The memory is the whole state: a filter over the same bytes goes on where the last one ended, in
// whatever instant that one died. A tag's bits are set before its packet is acted on, so a crash in
// between costs a packet and never admits one twice. Pure, one thread.
#pragma once

#include <cstdint>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay {

class ReplayFilter {
 public:
    static constexpr unsigned probes = 20;        // bits that a tag sets: the optimum for 10^-6
    static constexpr unsigned bits_per_tag = 29;  // (1 - e^(-20/29))^20 = 8.9 * 10^-7

    /// Bytes that hold `packets` tags with at most one false alarm in 10^6 packets: 3.6 a packet.
    static std::size_t bytes_for(std::uint64_t packets);

    /// `memory` (zeroed when new, at least one byte) outlives the filter.
    explicit ReplayFilter(base::ByteSpan memory);
    virtual ~ReplayFilter() = default;
    ReplayFilter(const ReplayFilter&) = delete;
    ReplayFilter& operator=(const ReplayFilter&) = delete;

    /// Remembers the tag. False if it was there before (or is taken for one that was).
    bool insert(const packet::ReplayTag& tag);

    /// The chance that the next new tag is refused, from the bits that are set. Reads all memory:
    /// for a status page, not for each packet.
    double false_alarm_rate() const;

 private:
    base::ByteSpan memory_;
};

}  // namespace nightjar::relay
