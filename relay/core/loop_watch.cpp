#include "relay/core/loop_watch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nightjar::relay::core {
namespace {

constexpr base::Seconds poll_every{1};
constexpr std::chrono::minutes span{15};
constexpr double quick_share = 0.05;  // the quantile that is learned
constexpr double late_share = 0.01;   // of the loops of a network without an attack
/// What links and processors may add to the learned time.
constexpr base::Milliseconds room{100};

/// The sum of `stages` exponentials of mean 1 is above this value with probability `share`.
double above(unsigned stages, double share) {
    double low = 0;
    double high = 100;
    for (int i = 0; i < 60; ++i) {
        const auto x = (low + high) / 2;
        double term = std::exp(-x);
        double tail = term;
        for (unsigned k = 1; k < stages; ++k)
            tail += term *= x / k;
        (tail > share ? low : high) = x;
    }
    return high;
}

unsigned holds(const directory::Document& document) {
    const bool own = document.parameters.mixing.law != directory::MixLaw::poisson;
    return document.layers() + (own ? 1u : 0u);
}

}  // namespace

base::Nanoseconds kept_longer(base::Nanoseconds delay, const directory::Parameters& parameters) {
    return std::min(answer_stretch * delay, parameters.delay_cap());
}

base::Nanoseconds mean_loop_time(const directory::Document& document) {
    return document.parameters.mean_delay * holds(document);
}

LoopWatch::LoopWatch(const directory::Document& document, base::Mono now)
    : spans_from_{now}, watch_from_{now + watch_after}, polled_{now} {
    use(document);
}

void LoopWatch::use(const directory::Document& document) {
    const auto before = std::exchange(parameters_, document.parameters);
    hold_times(holds(document));
    if (before.mean_delay != parameters_.mean_delay || before.mixing != parameters_.mixing ||
        late_after_ == base::Nanoseconds{}) {
        times_ = {};
        late_after_ = parameters_.longest_route_delay();
    }
    decltype(relays_) listed;
    for (const auto& relay : document.relays) {
        auto known = relays_.extract(relay.identity);
        if (known)
            listed.insert(std::move(known));
        else
            listed.emplace(relay.identity, ByRelay{{}, all_});
    }
    relays_ = std::move(listed);
}

/// The quantiles of the time for which so many relays hold a loop.
void LoopWatch::hold_times(unsigned relays) {
    const auto mean = parameters_.mean_delay;
    held_quick_ = {};
    held_long_ = relays * mean;  // by `threshold`, whose times have a bound
    if (parameters_.mixing.law == directory::MixLaw::threshold) return;
    // The times of a timed pool vary less than exponential ones.
    held_quick_ = base::from_seconds(base::to_seconds(mean) * above(relays, 1 - quick_share));
    held_long_ = base::from_seconds(base::to_seconds(mean) * above(relays, late_share));
}

template <class Add>
void LoopWatch::count(const LoopWay& way, Add add) {
    add(seen_);
    for (const auto& relay : way)
        if (const auto found = relays_.find(relay); found != relays_.end())
            add(found->second.passed);
}

void LoopWatch::returned(const LoopWay& way, base::Nanoseconds took, bool late) {
    count(way, [&](Seen& seen) {
        ++seen.returned;
        if (!late) ++seen.in_time;
    });
    const auto bucket = static_cast<std::size_t>(std::max<std::int64_t>(0, took / bucket_width()));
    ++times_.now[std::min(bucket, Times::buckets - 1)];
    ++times_.known;
}

void LoopWatch::late(const LoopWay& way) {
    count(way, [](Seen& seen) { ++seen.late; });
}

void LoopWatch::lost(const LoopWay& way) {
    count(way, [](Seen& seen) { ++seen.lost; });
}

void LoopWatch::step(base::Mono now) {
    if (now - polled_ < poll_every) return;
    polled_ = now;
    if (now >= watch_from_) judge(now);
    seen_ = {};
    for (auto& [identity, relay] : relays_)
        relay.passed = {};
    learn(now);
}

void LoopWatch::Tests::poll(const Seen& seen) {
    late.poll(seen.in_time, seen.late);
    lost.poll(seen.returned, seen.lost);
    few_lost.poll(seen.returned, seen.lost);
}

void LoopWatch::judge(base::Mono now) {
    all_.poll(seen_);
    bool late = all_.late.alarmed();
    bool lost = all_.lost.alarmed();
    bool few_lost = all_.few_lost.alarmed();
    for (auto& [identity, relay] : relays_) {
        const auto& passed = relay.passed;
        relay.without.poll({seen_.in_time - passed.in_time, seen_.late - passed.late,
                            seen_.returned - passed.returned, seen_.lost - passed.lost});
        late = late && relay.without.late.alarmed();
        lost = lost && relay.without.lost.alarmed();
        few_lost = few_lost && relay.without.few_lost.alarmed();
    }
    withheld_ = late || lost || few_lost;
    if (withheld_) answers_until_ = now + answer_lasts;
    if (answers_until_ && now >= *answers_until_) answers_until_.reset();
}

base::Nanoseconds LoopWatch::bucket_width() const {
    return parameters_.longest_route_delay() / Times::buckets;
}

void LoopWatch::learn(base::Mono now) {
    if (now - spans_from_ >= span) {
        spans_from_ = now;
        for (const auto number : times_.last)
            times_.known -= number;
        times_.last = std::exchange(times_.now, {});
    }
    if (times_.known < learn_least) return;
    const auto rank = static_cast<std::uint64_t>(quick_share * double(times_.known));
    std::size_t bucket = 0;
    for (std::uint64_t below = 0; bucket < Times::buckets; ++bucket) {
        below += times_.last[bucket] + times_.now[bucket];
        if (below > rank) break;
    }
    const auto quick = static_cast<std::int64_t>(bucket) * bucket_width();
    const auto links = std::max(base::Nanoseconds{}, quick - held_quick_);
    late_after_ = std::min(links + held_long_ + room, parameters_.longest_route_delay());
}

void LoopWatch::list_holdings(base::Holdings& out) const {
    const auto& [parameters, quick, slow, seen, all, relays, times, spans_from, late_after,
                 watch_from, polled, withheld, answers_until] = *this;
    out.push_back(
        {"LoopWatch.relays", "neighbours", relays.size(),
         "how many of this relay's own loops passed a listed relay, and how many were lost",
         false});
}

}  // namespace nightjar::relay::core
