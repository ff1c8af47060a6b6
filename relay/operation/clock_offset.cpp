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

std::string difference_words(base::Milliseconds difference) {
    const auto size = std::chrono::abs(difference);
    if (size >= std::chrono::days{2})
        return std::to_string(std::chrono::round<std::chrono::days>(size).count()) + " days";
    if (size >= std::chrono::minutes{2})
        return std::to_string(std::chrono::round<std::chrono::minutes>(size).count()) + " min";
    const auto tenths = (size.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

ClockOpinion opinion_of(std::vector<base::Milliseconds> offsets) {
    ClockOpinion opinion;
    opinion.heard = offsets.size();
    opinion.ahead = median(offsets);
    opinion.agree = static_cast<std::size_t>(
        std::count_if(offsets.begin(), offsets.end(), [&](base::Milliseconds each) {
            return std::chrono::abs(each - opinion.ahead) <= clocks_alike;
        }));
    return opinion;
}

void ClockOffsets::hear(std::size_t which, const AuthorityTime& time,
                        base::Milliseconds difference) {
    heard_.at(which) = {time, difference};
}

std::optional<ClockOpinion> ClockOffsets::opinion(base::Milliseconds difference) const {
    std::vector<base::Milliseconds> offsets;
    for (const auto& heard : heard_) {
        if (!heard) continue;
        const auto stepped = difference - heard->difference;
        const auto& time = heard->time;
        offsets.push_back(
            operation::ahead({time.said, time.asked + stepped, time.answered + stepped}));
    }
    if (offsets.empty()) return std::nullopt;
    return opinion_of(std::move(offsets));
}

}  // namespace nightjar::relay::operation
