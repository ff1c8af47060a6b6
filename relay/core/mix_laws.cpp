#include "relay/core/mix_laws.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "relay/core/limits.hpp"
#include "relay/core/loop_watch.hpp"
#include "relay/core/mix_queue.hpp"

namespace nightjar::relay::core {

using directory::MixLaw;

namespace {

/// The part that leaves while a relay answers withheld packets.
double longer_pool_part(directory::Parameters parameters) {
    parameters.mean_delay *= answer_stretch;
    return parameters.pool_part();
}

}  // namespace

std::unique_ptr<Mix> make_mix(const directory::Parameters& parameters, std::size_t capacity,
                              base::Random& random) {
    switch (parameters.mixing.law) {
        case MixLaw::timed_pool:
            return std::make_unique<TimedPool>(parameters, capacity, random);
        case MixLaw::threshold:
            return std::make_unique<Threshold>(parameters, capacity, random);
        case MixLaw::poisson:
            break;
    }
    return std::make_unique<MixQueue>(capacity, random);
}

bool same_mix(const directory::Parameters& one, const directory::Parameters& other) {
    // The delays of `poisson` are in the packets.
    return one.mixing == other.mixing &&
           (one.mixing.law == MixLaw::poisson || one.mean_delay == other.mean_delay);
}

MixShares::MixShares(std::size_t most)
    : order_(mix_sources), place_(mix_sources), held_(mix_sources), first_(most + 1, mix_sources) {
    for (std::size_t i = 0; i < mix_sources; ++i)
        order_[i] = place_[i] = static_cast<std::uint16_t>(i);
}

void MixShares::swap(std::size_t one, std::size_t other) {
    std::swap(order_[one], order_[other]);
    place_[order_[one]] = static_cast<std::uint16_t>(one);
    place_[order_[other]] = static_cast<std::uint16_t>(other);
}

void MixShares::enter(MixSource source) {
    auto& next = first_[++held_[source]];
    swap(place_[source], --next);
}

void MixShares::leave(MixSource source) {
    assert(held_[source] > 0);
    auto& its = first_[held_[source]--];
    swap(place_[source], its++);
}

MixSource MixShares::heaviest(base::Random& random) const {
    const auto most = held_[order_.back()];
    const std::size_t first = most > 0 ? first_[most] : 0;
    return order_[first + static_cast<std::size_t>(random.below(mix_sources - first))];
}

Pool::Pool(std::size_t capacity, base::Random& random)
    : capacity_{capacity}, random_{random}, shares_{capacity + 1} {
    assert(capacity_ > 0);
}

Pool::~Pool() {
    for (const auto& packet : packets_)
        wipe(*packet.cell);
}

bool Pool::push(HeldPacket packet) {
    assert(packet.cell && packet.source < mix_sources);
    shares_.enter(packet.source);
    if (packets_.size() < capacity_) {
        packets_.push_back(std::move(packet));
        return true;
    }
    const auto loser = shares_.heaviest(random_);
    shares_.leave(loser);
    const auto victim = draw_victim(packets_.size(), random_, [&](std::size_t place) {
        return (place < packets_.size() ? packets_[place] : packet).source == loser;
    });
    if (victim < packets_.size()) std::swap(packets_[victim], packet);
    wipe(*packet.cell);
    return false;
}

void Pool::enter(base::Mono now) {
    inside_ = 0;
    for (auto& packet : packets_)
        if (packet.arrived <= now) std::swap(packet, packets_[inside_++]);
}

HeldPacket Pool::take(std::size_t place) {
    assert(place < inside_);
    std::swap(packets_[place], packets_[--inside_]);
    std::swap(packets_[inside_], packets_.back());
    auto taken = std::move(packets_.back());
    packets_.pop_back();
    shares_.leave(taken.source);
    return taken;
}

void Pool::take_any(std::vector<HeldPacket>& out) {
    out.push_back(take(static_cast<std::size_t>(random_.below(inside_))));
}

void Pool::take_older(base::Mono until, std::vector<HeldPacket>& out) {
    for (auto place = inside_; place-- > 0;)
        if (packets_[place].arrived <= until) out.push_back(take(place));
}

std::size_t Pool::drop_older(base::Mono before) {
    std::size_t dropped = 0;
    for (auto place = inside_; place-- > 0;) {
        if (packets_[place].arrived >= before) continue;
        wipe(*take(place).cell);
        ++dropped;
    }
    return dropped;
}

void Pool::slept(base::Nanoseconds gap) {
    for (auto& packet : packets_)
        packet.arrived -= gap;
}

base::Mono Pool::oldest() const {
    auto oldest = base::Mono::max();
    for (const auto& packet : packets_)
        oldest = std::min(oldest, packet.arrived);
    return oldest;
}

base::Mono Pool::arrival(std::size_t count) const {
    assert(count > 0);
    if (packets_.size() < count) return base::Mono::max();
    std::vector<base::Mono> arrivals;
    for (const auto& packet : packets_)
        arrivals.push_back(packet.arrived);
    const auto last = arrivals.begin() + static_cast<std::ptrdiff_t>(count - 1);
    std::nth_element(arrivals.begin(), last, arrivals.end());
    return *last;
}

TimedPool::TimedPool(const directory::Parameters& parameters, std::size_t capacity,
                     base::Random& random)
    : random_{random},
      pool_{capacity, random},
      interval_{parameters.mixing.interval},
      cap_{parameters.delay_cap()},
      usual_part_{parameters.pool_part()},
      small_part_{longer_pool_part(parameters)},
      part_{usual_part_},
      keep_{parameters.mixing.keep},
      // Ticks are at whole milliseconds, so this adds no wait for a tick.
      next_{base::Milliseconds{
          random.below(static_cast<std::uint64_t>(parameters.mixing.interval.count()))}},
      first_{next_} {
    assert(interval_.count() > 0);
}

bool TimedPool::push(HeldPacket packet) {
    // An empty pool has skipped intervals. One that waits for a packet to enter skips them no
    // longer when another enters sooner.
    const auto end = end_after(packet.arrived);
    next_ = pool_.size() == 0 ? end : std::min(next_, end);
    return pool_.push(std::move(packet));
}

base::Mono TimedPool::end_after(base::Mono arrived) const {
    if (arrived < first_) return first_;
    return first_ + ((arrived - first_) / interval_ + 1) * interval_;
}

std::size_t TimedPool::draw_count(std::size_t inside) {
    const auto wanted =
        static_cast<std::size_t>(part_ * static_cast<double>(inside) + random_.unit());
    return std::min(wanted, inside - std::min(inside, keep_));
}

std::size_t TimedPool::release(base::Mono now, std::vector<HeldPacket>& out) {
    if (next_due() > now) return 0;
    next_ += ((now - next_) / interval_ + 1) * interval_;
    first_ = next_;
    pool_.enter(now);
    const auto before = out.size();
    const auto overdue = pool_.drop_older(now - cap_ - lateness_max);
    const auto count = draw_count(pool_.inside());
    pool_.take_older(now - (cap_ - interval_), out);  // the next release would be too late
    while (out.size() - before < count)
        pool_.take_any(out);
    auto released = std::span{out}.subspan(before);
    random_.shuffle(released);
    return overdue;
}

base::Mono TimedPool::next_due() const {
    return pool_.size() == 0 ? base::Mono::max() : next_;
}

Threshold::Threshold(const directory::Parameters& parameters, std::size_t capacity,
                     base::Random& random)
    : pool_{capacity, random},
      enough_{std::min<std::size_t>(parameters.mixing.packets, capacity)},
      longest_{parameters.delay_cap()} {
    assert(enough_ > 0);
}

bool Threshold::push(HeldPacket packet) {
    const auto arrived = packet.arrived;
    const bool held = pool_.push(std::move(packet));
    due_ = std::min(due_, pool_.size() < enough_ ? arrived + longest_ : arrived);
    return held;
}

std::size_t Threshold::release(base::Mono now, std::vector<HeldPacket>& out) {
    if (due_ > now) return 0;
    due_ = find_due();
    if (due_ > now) return 0;
    pool_.enter(now);
    const auto overdue = pool_.drop_older(now - longest_ - lateness_max);
    // What is taken at random leaves in random order.
    while (pool_.inside() > 0)
        pool_.take_any(out);
    due_ = find_due();
    return overdue;
}

base::Mono Threshold::find_due() const {
    if (pool_.size() == 0) return base::Mono::max();
    return std::min(pool_.oldest() + longest_, pool_.arrival(enough_));
}

void Threshold::slept(base::Nanoseconds gap) {
    pool_.slept(gap);
    if (due_ != base::Mono::max()) due_ -= gap;
}

void wipe(cell::Cell& cell) {
    const auto body = cell.body();
    sodium_memzero(body.data(), body.size());
}

}  // namespace nightjar::relay::core
