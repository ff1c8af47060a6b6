#include "relay/metrics/windows.hpp"

#include <algorithm>

namespace nightjar::relay::metrics {

namespace {
constexpr std::uint64_t least_times_noise = 20;
constexpr int widest_times = 24;
}  // namespace

base::Seconds aligned_window(base::Seconds wanted, base::Seconds epoch_length) {
    if (wanted >= epoch_length)
        return (wanted + epoch_length - base::Seconds{1}) / epoch_length * epoch_length;
    auto parts = epoch_length / wanted;
    while (epoch_length.count() % parts != 0)
        --parts;
    return epoch_length / parts;
}

base::Seconds next_length(const Published& last, const Terms& terms) {
    const auto scale = grain(declared("nightjar_window_packets"), terms.window).scale();
    const auto needed = least_times_noise * scale.t / scale.s;
    const auto set = static_cast<std::uint64_t>(terms.window.count());
    const auto widest = std::max(
        terms.window,
        std::min(window_most / terms.window, base::Seconds::rep{widest_times}) * terms.window);
    // Seconds in which a total of `needed` comes together, at the noised rate.
    const auto rate_packets = std::max<std::uint64_t>(last.packets_in, 1);
    const auto seconds = needed * static_cast<std::uint64_t>(last.length.count()) / rate_packets;
    const auto times = std::max<std::uint64_t>((seconds + set - 1) / set, 1);
    return std::min<base::Seconds>(base::Seconds{static_cast<std::int64_t>(times * set)}, widest);
}

Windows::Windows(Terms terms, base::Wall now) : terms_{terms}, end_{next_end(now)} {}

base::Wall Windows::next_end(base::Wall after) const {
    const auto since = std::chrono::floor<base::Seconds>(after.time_since_epoch());
    return base::Wall{(since / terms_.window + 1) * terms_.window};
}

void Windows::note_overloads(const Totals& totals) {
    for (std::size_t i = 0; i < overload_count; ++i)
        if (totals.overloads[i] != seen_.overloads[i]) overloads_[i] = end_;
}

void Windows::look(base::Wall now, const Totals& totals, base::Random& random) {
    note_overloads(totals);
    auto length = terms_.window;
    if (now < end_ || now > end_ + late_max) {  // the clock was set, or the machine slept
        begin_.reset();
        last_.reset();
        end_ = next_end(now);
    } else {
        if (begin_) {
            const auto whole = std::chrono::duration_cast<base::Seconds>(end_ - *begin_);
            last_ = publish(seen_, totals, end_, whole, terms_, random);
            length = next_length(*last_, terms_);
        }
        begin_ = end_;
        end_ += length;
    }
    seen_ = totals;
}

}  // namespace nightjar::relay::metrics
