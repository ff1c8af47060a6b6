#include "sphinx/stream/beat.hpp"

#include <algorithm>

namespace nightjar::stream {
namespace {

// Moments repeat: each kilosecond has as many of them as the rate has thousandths.
constexpr std::int64_t kilosecond = 1'000'000'000'000;  // ns
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

std::int64_t Beat::ranks_in(std::int64_t number, std::int64_t part) const {
    const auto in_turn = number % rate_;  // what follows repeats then
    return (in_turn + 1) * part * frame / rate_ - in_turn * part * frame / rate_;
}

Beat::Moment Beat::tick_from(Moment moment, std::uint32_t pace, std::uint8_t first_rank) const {
    const auto part = std::min(std::int64_t{pace}, rate_);
    auto number = moment / frame;
    auto place = moment % frame;
    for (;; ++number, place = 0) {
        const auto ranks = ranks_in(number, part);
        for (; place < frame; ++place)
            if ((place * rank_step + frame - first_rank) % frame < ranks)
                return number * frame + place;
        if (part * frame < rate_) number = before_next_tick(number, part);
    }
}

/// Of a pace of less than a tick in a frame: the frame before the next one that has a tick.
std::int64_t Beat::before_next_tick(std::int64_t number, std::int64_t part) const {
    const auto next = number % rate_ + 1;
    const auto ticks = next * part * frame / rate_ + 1;
    const auto ends = (ticks * rate_ + part * frame - 1) / (part * frame);
    return number + (ends - 1 - next);
}

base::Mono Beat::when(base::Wall wall) const {
    return base::Mono{base::Nanoseconds{wall.time_since_epoch()} - ahead_};
}

}  // namespace nightjar::stream
