#include "relay/core/exit_level.hpp"

#include <algorithm>
#include <cmath>

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
    bin_ = {};
    bins_ = {};
    closed_bins_ = 0;
    levels_ = {};
    per_moment_ = 0;
    owed_loops_ = 0;
    period_ = minute_ = INT64_MIN;
}

ExitLevel::Missing ExitLevel::missing(double pace, std::size_t replies, const stream::Beat& beat,
                                      base::Mono now, base::Wall wall) {
    if (off()) return {};
    if (!begun_) {
        begin(now);
        due_ = beat.at(beat.from(now));
    }
    auto passed = now - from_;
    from_ = now;
    if (passed > lateness_max) {
        bin_ends_ += passed;
        passed = {};
    }
    close_bins(now);
    minute_seconds_ += base::to_seconds(passed);
    bin_.sent += static_cast<double>(replies);
    bin_.most = std::max(bin_.most, static_cast<double>(replies));
    const auto gap = base::to_seconds(beat.gap());
    follow_clock(pace, 1 / gap, wall);

    due_ = std::max(due_, beat.at(beat.from(now - lateness_max)));
    unsigned moments = 0;
    while (due_ <= now) {
        ++moments;
        due_ = beat.at(beat.from(due_ + beat.gap() / 2));
    }
    return fill(moments, replies, gap);
}

/// Loops by what the exit gets, drop cover by what it sends with them.
ExitLevel::Missing ExitLevel::fill(unsigned moments, std::size_t replies, double gap) {
    if (moments == 0 || per_moment_ == 0) return {};
    const auto most = cover_most * mean_room_;
    const auto rate = std::clamp(levels_.got - recent().got, 0.0, most);
    owed_loops_ = std::min(owed_loops_ + rate * gap * moments, std::max(1.0, rate / 4));
    const auto whole = per_moment_ * moments;
    const auto room = static_cast<unsigned>(whole - std::min<std::size_t>(replies, whole));
    const auto loops = std::min(static_cast<unsigned>(owed_loops_), room);
    owed_loops_ -= loops;
    const auto bound = static_cast<unsigned>(std::ceil(most * gap)) * moments;
    return {loops, std::min(room - loops, bound)};
}

void ExitLevel::follow_clock(double pace, double per_second, base::Wall wall) {
    const auto network_time = std::chrono::floor<base::Seconds>(wall).time_since_epoch();
    const auto period = (network_time - std::min(settled, lifetime_ / 2)) / lifetime_;
    const auto minute = network_time / overflow_grid;
    const bool full_minute = minute != minute_;
    const bool counted = closed_bins_ >= bins_.size();
    if (counted && (period != period_ || (full_minute && overflows()))) {
        draw(pace, per_second);
        period_ = period;
    }
    minute_ = minute;
    if (full_minute) {
        in_minute_ = {};
        minute_seconds_ = 0;
    }
}

void ExitLevel::close_bins(base::Mono now) {
    for (; bin_ends_ <= now; bin_ends_ += bin_length) {
        in_minute_.got += bin_.got;
        in_minute_.sent += bin_.sent;
        bins_[closed_bins_++ % bins_.size()] = bin_;
        bin_ = {};
    }
}

/// By the second.
ExitRates ExitLevel::recent() const {
    ExitRates sum;
    for (const auto& bin : bins_) {
        sum.got += bin.got;
        sum.sent += bin.sent;
    }
    const auto length = base::to_seconds(bin_length) * static_cast<double>(bins_.size());
    return {sum.got / length, sum.sent / length};
}

bool ExitLevel::overflows() const {
    if (minute_seconds_ < base::to_seconds(overflow_grid) / 2) return false;
    const auto got = in_minute_.got / minute_seconds_;
    const auto sent = in_minute_.sent / minute_seconds_;
    return got > levels_.got || sent > levels_.sent;
}

void ExitLevel::draw(double pace, double per_second) {
    const auto clients = std::max(1.0, pace / client_);
    mean_room_ = room_ * (room_share * pace + room_root_clients * client_ * std::sqrt(clients));
    const auto loops = draw_room();
    levels_.got = recent().got + loops;
    // Sessions of one pace tick together, so some moments have more replies than others.
    double most = 0;
    for (const auto& bin : bins_)
        most = std::max(most, bin.most);
    // The loops are sent too. A quarter of another draw hides how many there are.
    const auto more = std::floor(draw_room() / 4 / per_second + random_.unit());
    // One packet at least: otherwise the first session that comes would show.
    cover_per_moment_ = static_cast<unsigned>(std::ceil(loops / per_second) + more);
    per_moment_ = static_cast<unsigned>(most) + cover_per_moment_;
    ++cover_per_moment_;  // a client may leave
    levels_.sent = per_moment_ * per_second;
}

}  // namespace nightjar::relay::core
