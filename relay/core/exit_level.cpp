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
    period_ = minute_ = INT64_MIN;
}

ExitLevel::Missing ExitLevel::missing(double pace, base::Mono now, base::Wall wall) {
    if (off()) return {};
    if (!begun_) begin(now);
    auto passed = now - from_;
    from_ = now;
    if (passed > lateness_max) {
        bin_ends_ += passed;
        passed = {};
    }
    close_bins(now);
    minute_seconds_ += base::to_seconds(passed);
    follow_clock(pace, wall);

    const auto rates = cover_rates();
    const auto seconds = base::to_seconds(passed);
    const Missing now_due{pass(loops_, rates.got * seconds),
                          pass(drop_cover_, rates.sent * seconds)};
    due_ = bin_ends_;
    plan(loops_, rates.got, now);
    plan(drop_cover_, rates.sent, now);
    return now_due;
}

void ExitLevel::follow_clock(double pace, base::Wall wall) {
    const auto network_time = std::chrono::floor<base::Seconds>(wall).time_since_epoch();
    const auto period = (network_time - std::min(settled, lifetime_ / 2)) / lifetime_;
    const auto minute = network_time / overflow_grid;
    const bool full_minute = minute != minute_;
    const bool counted = closed_bins_ >= bins_.size();
    if (counted && (period != period_ || (full_minute && overflows()))) {
        draw(pace);
        period_ = period;
    }
    minute_ = minute;
    if (full_minute) {
        in_minute_ = {};
        minute_seconds_ = 0;
    }
}

unsigned ExitLevel::pass(Process& process, double expected) {
    const auto gap = [&] { return base::to_seconds(random_.exponential(base::Seconds{1})); };
    if (!process.begun) process.left = gap();
    process.begun = true;
    unsigned packets = 0;
    for (process.left -= expected; process.left <= 0; process.left += gap())
        ++packets;
    return packets;
}

void ExitLevel::plan(const Process& process, double rate, base::Mono now) {
    const auto until_bin_ends = base::to_seconds(due_ - now) * rate;
    if (process.left >= until_bin_ends) return;
    // Rounding must not make it due before it is.
    due_ = now + base::from_seconds(process.left / rate) + std::chrono::microseconds{1};
}

void ExitLevel::close_bins(base::Mono now) {
    for (; bin_ends_ <= now; bin_ends_ += bin_length) {
        in_minute_.got += bin_.got;
        in_minute_.sent += bin_.sent;
        bins_[closed_bins_++ % bins_.size()] = bin_;
        bin_ = {};
    }
}

ExitRates ExitLevel::recent() const {
    ExitRates sum;
    for (const auto& bin : bins_) {
        sum.got += bin.got;
        sum.sent += bin.sent;
    }
    const auto length = base::to_seconds(bin_length) * static_cast<double>(bins_.size());
    return {sum.got / length, sum.sent / length};
}

/// Loops by what the exit gets; drop cover by what it sends with these loops.
ExitRates ExitLevel::cover_rates() const {
    const auto rates = recent();
    const auto most = cover_most * mean_room_;
    const auto loops = std::clamp(levels_.got - rates.got, 0.0, most);
    return {loops, std::clamp(levels_.sent - rates.sent - loops, 0.0, most)};
}

bool ExitLevel::overflows() const {
    if (minute_seconds_ < base::to_seconds(overflow_grid) / 2) return false;
    const auto got = in_minute_.got / minute_seconds_;
    const auto sent = in_minute_.sent / minute_seconds_;
    return got > levels_.got || sent > levels_.sent;
}

void ExitLevel::draw(double pace) {
    const auto clients = std::max(1.0, pace / client_);
    mean_room_ = room_ * (room_share * pace + room_root_clients * client_ * std::sqrt(clients));
    const auto rates = recent();
    const auto loops = draw_room();
    levels_.got = rates.got + loops;
    // The loops are sent too. A quarter of another draw hides how many there are.
    levels_.sent = rates.sent + loops + draw_room() / 4;
}

}  // namespace nightjar::relay::core
