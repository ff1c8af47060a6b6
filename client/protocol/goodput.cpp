#include "client/protocol/goodput.hpp"

#include <cmath>

namespace nightjar::client::protocol {

void Goodput::sample(base::Mono now, const Carried& totals) {
    samples_.push_back({now, totals});
    while (samples_.size() > 2 && now - samples_[1].at >= window)
        samples_.pop_front();
}

Carried Goodput::per_second() const {
    if (samples_.size() < 2) return {};
    const auto& first = samples_.front();
    const auto& last = samples_.back();
    const double seconds = base::to_seconds(last.at - first.at);
    if (seconds <= 0) return {};
    const auto rate = [seconds](std::uint64_t before, std::uint64_t after) {
        return static_cast<std::uint64_t>(
            std::llround(static_cast<double>(after - before) / seconds));
    };
    return {rate(first.totals.up, last.totals.up), rate(first.totals.down, last.totals.down)};
}

}  // namespace nightjar::client::protocol
