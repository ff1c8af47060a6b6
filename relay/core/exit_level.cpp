#include "relay/core/exit_level.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "relay/core/limits.hpp"

namespace nightjar::relay::core {

ExitLevel::ExitLevel(const directory::Parameters& parameters, base::Random& random)
    : random_{random} {
    use(parameters);
}

void ExitLevel::use(const directory::Parameters& parameters) {
    const bool was_off = off();
    room_ = parameters.exit_room / 1000.0;
    client_ = parameters.replies.per_second();
    lifetime_ = parameters.session_lifetime;
    if (off()) {
        begun_ = false;
        due_ = base::Mono::max();
    } else if (was_off) {
        due_ = {};  // at once
    }
}

void ExitLevel::begin(base::Mono now) {
    begun_ = true;
    from_ = now;
    bin_ends_ = now + bin_length;
    bin_ = 0;
    bins_ = {};
    closed_bins_ = 0;
    levels_ = {};
    beat_ = 0;
    outside_ = 0;
    per_moment_ = cover_per_moment_ = 0;
    owed_loops_ = 0;
    period_ = minute_ = INT64_MIN;
}

ExitLevel::Missing ExitLevel::missing(double pace, std::size_t replies, const stream::Beat& beat,
                                      base::Mono now, base::Wall wall) {
    if (off()) return {};
    const bool first = !begun_;
    if (first) begin(now);
    auto passed = now - from_;
    from_ = now;
    if (first || passed > lateness_max) {
        bin_ends_ += passed;
        passed = {};
        due_ = beat.at(beat.from(now));
    }
    close_bins(now);
    minute_seconds_ += base::to_seconds(passed);
    follow_beat(beat);
    follow_clock(pace, wall);
    pace_ = pace;

    outside_ += replies;
    const auto moments = moments_until(now, beat);
    if (moments == 0) return {};
    const auto all = std::exchange(outside_, 0);
    note(moments, all);
    return fill(moments, all);
}

/// With another document's R, what moments had before says nothing.
void ExitLevel::follow_beat(const stream::Beat& beat) {
    const auto now = 1 / base::to_seconds(beat.gap());
    if (now == beat_) return;
    beat_ = now;
    moments_ = 0;
    minute_moments_ = minute_above_ = 0;
    period_ = INT64_MIN;
}

unsigned ExitLevel::moments_until(base::Mono now, const stream::Beat& beat) {
    unsigned moments = 0;
    for (; due_ <= now; due_ = beat.at(beat.from(due_ + beat.gap() / 2)))
        ++moments;
    return moments;
}

void ExitLevel::note(unsigned moments, std::size_t replies) {
    const auto each = static_cast<std::uint16_t>(std::min<std::size_t>(replies / moments, 0xffff));
    for (unsigned i = 0; i < moments; ++i)
        at_moments_[moments_++ % at_moments_.size()] = each;
    minute_moments_ += moments;
    if (each > per_moment_) minute_above_ += moments;
}

/// Loops by what the exit gets, drop cover by what it sends with them.
ExitLevel::Missing ExitLevel::fill(unsigned moments, std::size_t replies) {
    if (per_moment_ == 0) return {};
    const auto bound = cover_most * mean_room_;
    const auto rate = std::clamp(levels_.got - recent(), 0.0, bound);
    owed_loops_ = std::min(owed_loops_ + rate / beat_ * moments, std::max(1.0, rate / 4));
    const auto whole = per_moment_ * moments;
    const auto room = static_cast<unsigned>(whole - std::min<std::size_t>(replies, whole));
    const auto loops = std::min(static_cast<unsigned>(owed_loops_), room);
    owed_loops_ -= loops;
    // Where few sessions linger, some moments have fewer replies than others.
    const auto uneven = std::min(static_cast<unsigned>(most() - least()),
                                 static_cast<unsigned>(std::ceil(pace_ / beat_)));
    const auto drops = (static_cast<unsigned>(std::ceil(bound / beat_)) + uneven) * moments;
    return {loops, std::min(room - loops, drops)};
}

std::span<const std::uint16_t> ExitLevel::known_moments() const {
    return std::span{at_moments_}.first(std::min(moments_, at_moments_.size()));
}

std::uint16_t ExitLevel::most() const {
    const auto known = known_moments();
    if (known.size() <= exceptions) return 0;
    std::vector sorted(known.begin(), known.end());
    const auto nth = sorted.begin() + exceptions;
    std::nth_element(sorted.begin(), nth, sorted.end(), std::greater<>{});
    return *nth;
}

std::uint16_t ExitLevel::least() const {
    const auto known = known_moments();
    return known.empty() ? std::uint16_t{0} : std::min(most(), *std::ranges::min_element(known));
}

unsigned ExitLevel::cover_per_moment() const {
    const auto left = per_moment_ - std::min<unsigned>(per_moment_, least());
    return std::max(cover_per_moment_, left) + 1;  // a client may leave
}

void ExitLevel::follow_clock(double pace, base::Wall wall) {
    const auto network_time = std::chrono::floor<base::Seconds>(wall).time_since_epoch();
    const auto period = (network_time - std::min(settled, lifetime_ / 2)) / lifetime_;
    const auto minute = network_time / overflow_grid;
    const bool full_minute = minute != minute_;
    const bool counted = closed_bins_ >= bins_.size() && moments_ > exceptions;
    if (counted && (period != period_ || (full_minute && overflows()))) {
        draw(pace);
        period_ = period;
    }
    minute_ = minute;
    if (full_minute) minute_got_ = minute_seconds_ = minute_moments_ = minute_above_ = 0;
}

void ExitLevel::close_bins(base::Mono now) {
    for (; bin_ends_ <= now; bin_ends_ += bin_length) {
        minute_got_ += bin_;
        bins_[closed_bins_++ % bins_.size()] = std::exchange(bin_, 0);
    }
}

/// What the exit gets, packets a second.
double ExitLevel::recent() const {
    const auto length = base::to_seconds(bin_length) * static_cast<double>(bins_.size());
    return std::accumulate(bins_.begin(), bins_.end(), 0.0) / length;
}

bool ExitLevel::overflows() const {
    if (minute_seconds_ < base::to_seconds(overflow_grid) / 2) return false;
    return minute_got_ / minute_seconds_ > levels_.got || minute_above_ > minute_moments_ / 10;
}

void ExitLevel::draw(double pace) {
    const auto clients = std::max(1.0, pace / client_);
    mean_room_ = room_ * (room_share * pace + room_root_clients * client_ * std::sqrt(clients));
    const auto loops = draw_room();
    levels_.got = recent() + loops;
    // The loops are sent too. A quarter of another draw hides how many there are.
    const auto more = std::floor(draw_room() / 4 / beat_ + random_.unit());
    // One packet at least: otherwise the first session that comes would show.
    cover_per_moment_ = static_cast<unsigned>(std::ceil(loops / beat_) + more);
    per_moment_ = most() + cover_per_moment_;
    levels_.sent = per_moment_ * beat_;
}

}  // namespace nightjar::relay::core
