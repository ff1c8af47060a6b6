#include "sphinx/directory/parameters.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "sphinx/directory/key_times.hpp"

namespace nightjar::directory {

base::Nanoseconds Rate::mean_gap() const {
    assert(milli > 0);
    return base::Nanoseconds{1'000'000'000'000 / milli};
}

base::Nanoseconds Parameters::delay_cap() const {
    return mixing.law == MixLaw::threshold ? 1 * mean_delay : 10 * mean_delay;
}

base::Nanoseconds Parameters::draw_delay(base::Random& random) const {
    if (mixing.law != MixLaw::poisson) return {};
    return random.exponential_capped(mean_delay, delay_cap());
}

double Parameters::pool_part() const {
    // A packet waits for half an interval on average until its first release. It stays there with
    // probability 1 - part, so it waits for (1 - part) / part further intervals.
    const auto interval = base::to_seconds(mixing.interval);
    return std::min(1.0, interval / (base::to_seconds(mean_delay) + interval / 2));
}

/// So many relays together hold about one packet in 10,000 for longer: `means` mean delays, which
/// is the quantile of exponential delays. Those of a timed pool vary less. A threshold's delays
/// have a bound.
base::Nanoseconds Parameters::rare_sum(int relays, int means) const {
    return (mixing.law == MixLaw::threshold ? relays : means) * mean_delay;
}

base::Nanoseconds Parameters::longest_route_delay() const {
    return 5 * delay_cap() + base::Seconds{1};
}

base::Nanoseconds Parameters::key_grace() const {
    // The last packets are built made_for_next_min before the end, by a clock that may be late.
    const auto times = KeyTimes::of(epoch_length);
    return longest_route_delay() + times.clock_error - times.made_for_next_min;
}

base::Nanoseconds Parameters::mean_round_trip() const {
    // A packet waits one gap on average before it enters its gateway (relay/core/entry_gate.hpp).
    const auto gate = Rate{main_slots.milli + client_loops.milli}.mean_gap();
    return 9 * mean_delay + gate + main_slots.mean_gap() + replies.mean_gap() + 3 * down.mean_gap();
}

std::uint32_t Parameters::surb_stock_target(Rate pace) const {
    const double in_flight = pace.per_second() * base::to_seconds(mean_round_trip());
    return static_cast<std::uint32_t>(std::ceil(in_flight)) + surb_margin;
}

base::Nanoseconds Parameters::settle_after() const {
    // What is to be hidden: the 1e-4 quantile of a round trip, for the sum of nine exponential
    // delays is above 24.6 means as rarely. The other terms: the wait for a tick, the queue of the
    // downlink, and the time on links and processors. Then the way back: 16 means are the 1e-4
    // quantile of four delays; two more are for packets that are built two slots ahead.
    const auto hidden =
        rare_sum(9, 25) + 10 * replies.mean_gap() + 25 * down.mean_gap() + base::Milliseconds{500};
    return hidden + rare_sum(6, 18);
}

base::Nanoseconds Parameters::answer_after(Rate pace) const {
    // The 1e-4 quantile of the sum of five exponential delays is 17.8 means. The other terms: the
    // wait for a tick or slot of the session, and the time on links and processors.
    return rare_sum(5, 18) + 10 * pace.mean_gap() + base::Milliseconds{500};
}

base::Epoch epoch_at(base::Wall now, base::Seconds epoch_length) {
    const auto since = std::chrono::duration_cast<base::Seconds>(now.time_since_epoch());
    return {static_cast<std::uint32_t>(since / epoch_length)};
}

base::Wall epoch_start(base::Epoch epoch, base::Seconds epoch_length) {
    return base::Wall{epoch.value * epoch_length};
}

base::Epoch epoch_to_build_for(base::Wall now, base::Seconds epoch_length) {
    return epoch_at(now + KeyTimes::of(epoch_length).made_for_next, epoch_length);
}

}  // namespace nightjar::directory
