#include "relay/core/entry_gate.hpp"

#include <cmath>

namespace nightjar::relay::core {
namespace {

base::Nanoseconds gaps(double count, base::Nanoseconds gap) {
    return base::from_seconds(count * base::to_seconds(gap));
}

}  // namespace

EntryGate::EntryGate(base::Mono connected, base::Nanoseconds gap, double draw)
    // So long ago that the first packet does not count as the next one.
    : last_{connected - gaps(2 + draw, gap)} {}

base::Mono EntryGate::enter(base::Mono arrived, base::Nanoseconds gap) {
    auto moment = last_ + gap;
    if (moment < arrived || moment > arrived + gaps(longest, gap)) {
        const auto behind = base::to_seconds(arrived - last_) / base::to_seconds(gap) + margin;
        moment = last_ + static_cast<std::int64_t>(std::ceil(behind)) * gap;
    }
    last_ = moment;
    return moment;
}

}  // namespace nightjar::relay::core
