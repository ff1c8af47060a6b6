#include "relay/operation/clock_offset.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::relay::operation {

base::Milliseconds ahead(const AuthorityTime& time) {
    if (time.asked >= time.said + base::Seconds{1})
        return time.asked - (time.said + base::Seconds{1});
    if (time.answered < time.said) return time.answered - time.said;
    return base::Milliseconds{0};
}

base::Milliseconds median(std::vector<base::Milliseconds> offsets) {
    assert(!offsets.empty());
    std::sort(offsets.begin(), offsets.end());
    const auto upper = offsets[offsets.size() / 2];
    const auto lower = offsets[(offsets.size() - 1) / 2];
    return std::chrono::abs(lower) < std::chrono::abs(upper) ? lower : upper;
}

void ClockOffsets::hear(std::size_t which, const AuthorityTime& time,
                        base::Milliseconds difference) {
    heard_.at(which) = {time, difference};
}

std::optional<base::Milliseconds> ClockOffsets::ahead(base::Milliseconds difference) const {
    std::vector<base::Milliseconds> offsets;
    for (const auto& heard : heard_) {
        if (!heard) continue;
        const auto stepped = difference - heard->difference;
        const auto& time = heard->time;
        offsets.push_back(
            operation::ahead({time.said, time.asked + stepped, time.answered + stepped}));
    }
    if (offsets.empty()) return std::nullopt;
    return median(std::move(offsets));
}

}  // namespace nightjar::relay::operation
