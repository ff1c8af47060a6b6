#include "sphinx/stream/beat.hpp"

#include <algorithm>

namespace nightjar::stream {
namespace {

// Moments repeat: each kilosecond has as many of them as the rate has thousandths.
constexpr std::int64_t kilosecond = 1'000'000'000'000;  // ns
constexpr std::int64_t frame_moments = 30;
constexpr std::int64_t rank_step = 11;  // 30 over the square of the golden ratio: ranks lie apart
// A reading that is off by more shows that a clock was set, or that the machine slept.
constexpr base::Milliseconds set{100};
constexpr base::Seconds first_mean{1}, later_means{60};
// Sessions that have drawn up their next tick do not follow at once, so a small change waits.
constexpr std::chrono::microseconds worth_it{200};

/// When the moment with this number in its kilosecond comes, in ns. Unsigned: at the highest rate
/// the product has 64 bits.
std::int64_t place(std::int64_t number, std::int64_t rate) {
    const auto halves = static_cast<std::uint64_t>(2 * number + 1);
    return static_cast<std::int64_t>(halves * (kilosecond / 2) / static_cast<std::uint64_t>(rate));
}
static_assert((2.0 * Beat::rate_max + 1) * (kilosecond / 2) < 18e18);

}  // namespace

void Beat::follow(base::Mono now, base::Wall wall) {
    // A wall clock's reading is the millisecond that has begun.
    const base::Nanoseconds seen = wall.time_since_epoch() + std::chrono::microseconds{500};
    const auto reading = seen - now.time_since_epoch();
    if (!known_ || std::chrono::abs(reading - ahead_) > set) {
        ahead_ = reading;
        known_ = true;
        settled_ = false;
        counted_from_ = now;
        off_ = {};
        readings_ = 0;
        return;
    }
    off_ += reading - ahead_;
    ++readings_;
    if (now - counted_from_ < (settled_ ? later_means : first_mean)) return;
    const auto mean = off_ / readings_;
    if (std::chrono::abs(mean) >= worth_it) ahead_ += mean;
    settled_ = true;
    counted_from_ = now;
    off_ = {};
    readings_ = 0;
}

base::Nanoseconds Beat::since_1970(base::Mono at) const {
    return std::max(at.time_since_epoch() + ahead_, base::Nanoseconds{0});
}

base::Mono Beat::at(Moment moment) const {
    const auto since = moment / rate_ * kilosecond + place(moment % rate_, rate_);
    return base::Mono{base::Nanoseconds{since} - ahead_};
}

Beat::Moment Beat::from(base::Mono at) const {
    const auto since = since_1970(at).count();
    const auto rest = since % kilosecond;
    // Not above the number that is looked for, by more than one below it.
    auto number = rest / 1000 * rate_ / (kilosecond / 1000);
    while (place(number, rate_) < rest)
        ++number;
    while (number > 0 && place(number - 1, rate_) >= rest)
        --number;
    return since / kilosecond * rate_ + number;
}

std::int64_t Beat::rank_at(std::int64_t frame, std::int64_t part) const {
    const auto number = frame % rate_;  // what follows repeats then
    return (number + 1) * part * frame_moments / rate_ - number * part * frame_moments / rate_;
}

Beat::Moment Beat::tick_from(Moment moment, std::uint32_t pace) const {
    const auto part = std::min(std::int64_t{pace}, rate_);
    const bool small = 8 * part <= rate_;
    auto first = std::int64_t{0};
    if (2 * part >= rate_)
        first = rate_ - part;
    else if (!small)
        first = std::max(rate_ - 3 * part, std::int64_t{0});
    auto frame = moment / frame_moments;
    auto place = moment % frame_moments;
    for (;; ++frame, place = 0) {
        const auto from = rank_at(frame, first), to = rank_at(frame, first + part);
        for (; place < frame_moments && from < to; ++place) {
            const auto rank = place * rank_step % frame_moments;
            if (rank >= from && rank < to) return frame * frame_moments + place;
        }
        if (small) frame = before_next_tick(frame, part);
    }
}

/// Of a pace of few ticks: the frame before the next one after `frame` that has a tick.
std::int64_t Beat::before_next_tick(std::int64_t frame, std::int64_t part) const {
    const auto number = frame % rate_ + 1;
    const auto ticks = number * part * frame_moments / rate_ + 1;
    const auto ends = (ticks * rate_ + part * frame_moments - 1) / (part * frame_moments);
    return frame + (ends - 1 - number);
}

base::Mono Beat::when(base::Wall wall) const {
    return base::Mono{base::Nanoseconds{wall.time_since_epoch()} - ahead_};
}

}  // namespace nightjar::stream
