#include "sphinx/stream/range_set.hpp"

#include <algorithm>
#include <iterator>

namespace nightjar::stream {

RangeSet::Map::const_iterator RangeSet::first_ending_after(std::uint64_t offset) const {
    auto it = ranges_.upper_bound(offset);
    if (it != ranges_.begin() && std::prev(it)->second > offset) --it;
    return it;
}

void RangeSet::add(Range range) {
    if (range.begin >= range.end) return;
    auto it = ranges_.upper_bound(range.begin);
    if (it != ranges_.begin() && std::prev(it)->second >= range.begin) --it;
    while (it != ranges_.end() && it->first <= range.end) {
        range.begin = std::min(range.begin, it->first);
        range.end = std::max(range.end, it->second);
        it = ranges_.erase(it);
    }
    ranges_.emplace_hint(it, range.begin, range.end);
}

void RangeSet::remove(Range range) {
    if (range.begin >= range.end) return;
    auto it = first_ending_after(range.begin);
    while (it != ranges_.end() && it->first < range.end) {
        const Range old{it->first, it->second};
        it = ranges_.erase(it);
        if (old.begin < range.begin) ranges_.emplace(old.begin, range.begin);
        if (old.end > range.end) ranges_.emplace(range.end, old.end);
    }
}

}  // namespace nightjar::stream
