// The set of replay tags that were seen under one mix key: a chain of Bloom filters over memory
// that its owner provides, so that it can be stored in a tmpfs and survive a crash of the process.
// It never fails open: a filter that holds more tags than planned refuses new packets more often,
// but forgets none.
//
// It starts with a small part. When that holds what it is made for, the owner adds a part of four
// times the size, and so on (docs/decisions/0043; Almeida, Baquero, Preguica, Hutchison 2007,
// "Scalable Bloom Filters"). New tags go into the last part, and all parts are asked.
//
// All bits of a tag are in two blocks of 64 bytes of a part, because at a relay's size each block
// costs one cache miss (Putze, Sanders, Singler 2007, "Cache-, Hash- and Space-Efficient Bloom
// Filters": blocked filters; docs/decisions/0019).
//
// The memory is the entire state: a new filter over the same parts continues where the last one
// stopped, even after a crash at any instant. The bits of a tag are set before its packet is acted
// on, so a crash in between loses a packet but never accepts one twice. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::relay::core {

class ReplayFilter {
 public:
    static constexpr std::size_t line_size = 64;  // bytes; a cache line
    static constexpr unsigned lines_of_tag = 2;
    static constexpr unsigned probes = 8;         // bits per tag in each of its lines
    static constexpr unsigned tags_of_line = 14;  // of a part at its load: 1.7 * 10^-7 false alarms
    static constexpr std::size_t parts_max = 5;   // so the whole chain has fewer than 10^-6

    /// The number of bytes that hold `packets` tags: 4.6 bytes for each.
    static std::size_t bytes_for(std::uint64_t packets);
    /// The size of the part that follows parts of `sizes`, in a filter made for `packets` tags; the
    /// first one's if there is none. When the parts hold `packets`, one more is allowed, as large
    /// as all of them together. 0: no more.
    static std::size_t next_part(std::uint64_t packets, std::span<const std::size_t> sizes);
    /// About how many tags a part holds, from its bits. Reads all of it.
    static std::uint64_t tags_in(base::ByteSpan part);

    /// A filter of one part that holds `tags` tags. The memory must outlive the filter.
    /// Preconditions: it is all zeros when new, and holds at least one line; an incomplete line at
    /// its end is not used. For speed it should be aligned to line_size.
    explicit ReplayFilter(base::ByteSpan part, std::uint64_t tags = 0);
    virtual ~ReplayFilter() = default;
    ReplayFilter(const ReplayFilter&) = delete;
    ReplayFilter& operator=(const ReplayFilter&) = delete;

    /// Adds a part. New tags go into it, and no longer into earlier ones. Preconditions as for the
    /// first part, and there are fewer than parts_max.
    void add_part(base::ByteSpan part, std::uint64_t tags = 0);

    /// Adds the tag. Returns false if it was already there, or appears so (a false alarm).
    bool insert(const packet::ReplayTag& tag);
    /// Prefetches the memory that insert() of this tag will touch, without waiting for it. With
    /// many tags, call it a few tags ahead. Changes nothing.
    void fetch(const packet::ReplayTag& tag) const;

    /// How many tags it holds. About, if it was made over the parts of an earlier run.
    std::uint64_t tags() const;
    /// True if the last part holds a quarter more than it is made for: no part came in time.
    bool overfull() const;
    /// The probability that the next new tag is refused, computed from the bits that are set. Reads
    /// the whole memory: call it for a status page, not for each packet.
    double false_alarm_rate() const;

 protected:
    /// Called when the last part has an eighth of its load left, and again after each further
    /// eighth until there is a new part: begin to make one. Must not wait.
    virtual void prepare_part() {}
    /// Called with each new tag once the last part is at its load: returns the new part, all zeros,
    /// if it is ready. While it is not, the last part takes more tags than it is made for.
    virtual base::ByteSpan take_part() { return {}; }

 private:
    struct Part {
        base::ByteSpan memory;  // a whole number of lines
        std::uint64_t tags = 0;

        std::uint64_t lines() const { return memory.size() / line_size; }
        std::uint64_t load() const { return lines() * tags_of_line; }
        base::ByteSpan line(std::uint64_t word) const;
        double false_alarm_rate() const;
    };
    void watch();

    std::vector<Part> parts_;   // tags are added to the last one
    std::uint64_t ask_at_ = 0;  // tags of the last part at which prepare_part() is called
    std::uint64_t watch_at_ = 0;
};

}  // namespace nightjar::relay::core
