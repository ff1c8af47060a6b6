#include "relay/core/mix_queue.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "relay/core/limits.hpp"

namespace nightjar::relay::core {
namespace {

// A bucket spans 2^20 ns = 1.05 ms, about one tick. 512 buckets span more than nearly every delay,
// so most buckets hold packets of one round only.
constexpr unsigned bucket_bits = 20;
constexpr std::size_t bucket_count = 512;

}  // namespace

MixQueue::MixQueue(std::size_t capacity, base::Random& random)
    : capacity_{capacity}, random_{random}, shares_{capacity + 1}, buckets_(bucket_count) {
    assert(capacity_ > 0 && capacity_ < none);
}

MixQueue::~MixQueue() {
    for (const auto& packet : packets_)
        if (packet.cell) wipe(*packet.cell);
}

MixQueue::Bucket& MixQueue::bucket(std::int64_t day) {
    return buckets_[static_cast<std::size_t>(day) % bucket_count];
}

/// The bucket number of a due time. A packet that is already due goes into the current bucket.
std::int64_t MixQueue::bucket_of(base::Mono due) const {
    return std::max(current_bucket_, due.time_since_epoch().count() >> bucket_bits);
}

void MixQueue::insert(std::uint32_t place) {
    const auto due = packets_[place].due();
    auto& its = bucket(bucket_of(due));
    if (its.first != none) neighbours_[its.first].before = place;
    neighbours_[place] = {none, std::exchange(its.first, place), packets_[place].source};
    its.earliest = std::min(its.earliest, due);
    next_due_ = std::min(next_due_, due);
}

/// Takes constant time even in a full bucket: an attacker who chooses the delays can put every
/// packet into one bucket, and cause one removal with each packet he sends. Therefore `earliest` is
/// not updated until release() visits the bucket.
void MixQueue::erase(std::uint32_t place) {
    const auto [before, after, source] = neighbours_[place];
    if (before == none)
        bucket(bucket_of(packets_[place].due())).first = after;
    else
        neighbours_[before].after = after;
    if (after != none) neighbours_[after].before = before;
}

void MixQueue::put(HeldPacket packet) {
    std::uint32_t place = 0;
    if (free_.empty()) {
        place = static_cast<std::uint32_t>(packets_.size());
        packets_.push_back(std::move(packet));
        neighbours_.emplace_back();
    } else {
        place = free_.back();
        free_.pop_back();
        packets_[place] = std::move(packet);
    }
    insert(place);
}

void MixQueue::replace(std::uint32_t place, HeldPacket packet) {
    erase(place);
    wipe(*packets_[place].cell);
    packets_[place] = std::move(packet);
    insert(place);
}

HeldPacket MixQueue::take(std::uint32_t place) {
    free_.push_back(place);
    shares_.leave(packets_[place].source);
    return std::exchange(packets_[place], HeldPacket{});
}

bool MixQueue::push(HeldPacket packet) {
    assert(packet.cell && packet.delay.count() >= 0 && packet.source < mix_sources);
    shares_.enter(packet.source);
    if (size() < capacity_) {
        put(std::move(packet));
        return true;
    }
    // All slots are occupied. Each packet of the source that holds most, the new one included, is
    // the victim with equal probability.
    const auto loser = shares_.heaviest(random_);
    shares_.leave(loser);
    const auto victim = draw_victim(packets_.size(), random_, [&](std::size_t place) {
        return (place < packets_.size() ? neighbours_[place].source : packet.source) == loser;
    });
    if (victim == packets_.size())
        wipe(*packet.cell);
    else
        replace(static_cast<std::uint32_t>(victim), std::move(packet));
    return false;
}

/// Removes the packets of a bucket that are due by `now`; packets of a later round stay. Returns
/// the number of overdue packets.
std::size_t MixQueue::leave(Bucket& bucket, base::Mono now, std::vector<HeldPacket>& out) {
    leaving_.clear();
    for (auto place = std::exchange(bucket, Bucket{}).first; place != none;
         place = neighbours_[place].after) {
        __builtin_prefetch(&packets_[place], 1);
        leaving_.push_back(place);
    }
    std::size_t overdue = 0;
    for (const auto place : leaving_) {
        const auto due = packets_[place].due();
        if (due > now) {
            insert(place);
        } else if (now - due > lateness_max) {
            wipe(*take(place).cell);
            ++overdue;
        } else {
            out.push_back(take(place));
        }
    }
    return overdue;
}

std::size_t MixQueue::release(base::Mono now, std::vector<HeldPacket>& out) {
    if (next_due_ > now) return 0;
    const auto before = out.size();
    std::size_t overdue = 0;
    const auto last = bucket_of(now);
    // After a stall visit each bucket once, however many rounds have passed.
    const auto first =
        std::max(current_bucket_, last - static_cast<std::int64_t>(bucket_count) + 1);
    for (auto day = first; day <= last; ++day)
        if (bucket(day).earliest <= now) overdue += leave(bucket(day), now, out);
    current_bucket_ = last;
    find_next();
    // Unshuffled, bucket order would reveal the order of arrival within a millisecond, and heap
    // order would reveal the due times: an attacker who mixed in packets of its own could place all
    // other packets between them. (At 5,000 packets a second, order of arrival costs all other
    // users most of a bit per hop: tests/lab.)
    auto released = std::span{out}.subspan(before);
    random_.shuffle(released);
    return overdue;
}

void MixQueue::find_next() {
    next_due_ = base::Mono::max();
    for (std::size_t i = 0; i < bucket_count && size() > 0; ++i) {
        const auto day = current_bucket_ + static_cast<std::int64_t>(i);
        next_due_ = std::min(next_due_, bucket(day).earliest);
        // Packets in later buckets are due later.
        if (bucket_of(next_due_) <= day) return;
    }
}

void MixQueue::slept(base::Nanoseconds gap) {
    for (auto& bucket : buckets_)
        bucket = {};
    next_due_ = base::Mono::max();
    for (std::uint32_t place = 0; place < packets_.size(); ++place) {
        auto& packet = packets_[place];
        if (!packet.cell) continue;
        packet.arrived -= gap;
        insert(place);
    }
}

}  // namespace nightjar::relay::core
