#include "relay/core/mix_laws.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "relay/core/limits.hpp"
#include "relay/core/mix_queue.hpp"

namespace nightjar::relay::core {

using directory::MixLaw;

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

Pool::Pool(std::size_t capacity, base::Random& random) : capacity_{capacity}, random_{random} {
    assert(capacity_ > 0);
}

Pool::~Pool() {
    for (const auto& packet : packets_)
        wipe(*packet.cell);
}

bool Pool::push(HeldPacket packet) {
    assert(packet.cell);
    if (packets_.size() < capacity_) {
        packets_.push_back(std::move(packet));
        return true;
    }
    const auto victim = static_cast<std::size_t>(random_.below(packets_.size() + 1));
    if (victim < packets_.size()) std::swap(packets_[victim], packet);
    wipe(*packet.cell);
    return false;
}

HeldPacket Pool::take(std::size_t place) {
    std::swap(packets_[place], packets_.back());
    auto taken = std::move(packets_.back());
    packets_.pop_back();
    return taken;
}

void Pool::take_any(std::vector<HeldPacket>& out) {
    out.push_back(take(static_cast<std::size_t>(random_.below(packets_.size()))));
}

void Pool::take_older(base::Mono until, std::vector<HeldPacket>& out) {
    for (auto place = packets_.size(); place-- > 0;)
        if (packets_[place].arrived <= until) out.push_back(take(place));
}

std::size_t Pool::drop_older(base::Mono before) {
    std::size_t dropped = 0;
    for (auto place = packets_.size(); place-- > 0;) {
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

TimedPool::TimedPool(const directory::Parameters& parameters, std::size_t capacity,
                     base::Random& random)
    : random_{random},
      pool_{capacity, random},
      interval_{parameters.mixing.interval},
      cap_{parameters.delay_cap()},
      part_{parameters.pool_part()},
      keep_{parameters.mixing.keep},
      // Ticks are at whole milliseconds, so this adds no wait for a tick.
      next_{base::Milliseconds{
          random.below(static_cast<std::uint64_t>(parameters.mixing.interval.count()))}} {
    assert(interval_.count() > 0);
}

bool TimedPool::push(HeldPacket packet) {
    // An empty pool has skipped intervals.
    if (pool_.size() == 0 && packet.arrived >= next_)
        next_ += ((packet.arrived - next_) / interval_ + 1) * interval_;
    return pool_.push(std::move(packet));
}

std::size_t TimedPool::draw_count(std::size_t inside) {
    const auto wanted =
        static_cast<std::size_t>(part_ * static_cast<double>(inside) + random_.unit());
    return std::min(wanted, inside - std::min(inside, keep_));
}

std::size_t TimedPool::release(base::Mono now, std::vector<HeldPacket>& out) {
    if (next_due() > now) return 0;
    next_ += ((now - next_) / interval_ + 1) * interval_;
    const auto before = out.size();
    const auto overdue = pool_.drop_older(now - cap_ - lateness_max);
    const auto count = draw_count(pool_.size());
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
    due_ = base::Mono::max();
    const auto overdue = pool_.drop_older(now - longest_ - lateness_max);
    // What is taken at random leaves in random order.
    while (pool_.size() > 0)
        pool_.take_any(out);
    return overdue;
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
