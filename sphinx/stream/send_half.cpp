#include "sphinx/stream/send_half.hpp"

#include <algorithm>

#include "sphinx/base/check.hpp"

namespace nightjar::stream {

Range SendHalf::next(std::size_t room, std::uint64_t ahead) const {
    if (!lost_.empty()) {
        const auto first = lost_.front();
        return {first.begin, first.begin + std::min(first.end - first.begin, std::uint64_t{room})};
    }
    const auto end = limit_ + ahead;
    const auto window = end > sent_end_ ? end - sent_end_ : 0;
    const auto n = std::min({ring_.end() - sent_end_, window, std::uint64_t{room}});
    return {sent_end_, sent_end_ + n};
}

void SendHalf::sent(Range range) {
    NIGHTJAR_CHECK(range.begin < range.end && range.end <= ring_.end());
    lost_.remove(range);
    sent_end_ = std::max(sent_end_, range.end);
    reach_ = std::max(reach_, sent_end_);
}

void SendHalf::acknowledged(Range range) {
    range.begin = std::max(range.begin, ring_.begin());
    if (range.begin >= range.end || range.end > sent_end_) return;
    lost_.remove(range);
    acked_.add(range);
    if (acked_.front().begin == ring_.begin()) {
        const auto done = acked_.front();
        acked_.remove(done);
        ring_.drop_to(done.end);
    }
}

void SendHalf::lost(Range range) {
    range.begin = std::max(range.begin, ring_.begin());
    if (range.begin >= range.end || range.end > sent_end_) return;
    acked_.for_gaps(range, [this](Range gap) { lost_.add(gap); });
}

void SendHalf::clear() {
    ring_.clear();
    sent_end_ = ring_.end();
    acked_.clear();
    lost_.clear();
}

}  // namespace nightjar::stream
