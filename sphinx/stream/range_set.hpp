// A set of offsets, stored as ranges that neither touch nor overlap. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>

namespace nightjar::stream {

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // one past the last
    bool operator==(const Range&) const = default;
};

class RangeSet {
 public:
    void add(Range range);
    void remove(Range range);
    bool empty() const { return ranges_.empty(); }
    std::size_t count() const { return ranges_.size(); }
    /// The lowest range. Precondition: not empty.
    Range front() const { return {ranges_.begin()->first, ranges_.begin()->second}; }
    /// Calls `each(Range)` for each part of `range` that is not in the set.
    template <class Each>
    void for_gaps(Range range, Each each) const {
        auto at = range.begin;
        for (auto it = first_ending_after(range.begin); it != ranges_.end() && at < range.end;
             ++it) {
            if (it->first >= range.end) break;
            if (it->first > at) each(Range{at, it->first});
            at = it->second;
        }
        if (at < range.end) each(Range{at, range.end});
    }
    void clear() { ranges_.clear(); }

 private:
    using Map = std::map<std::uint64_t, std::uint64_t>;  // begin -> end
    Map::const_iterator first_ending_after(std::uint64_t offset) const;

    Map ranges_;
};

}  // namespace nightjar::stream
