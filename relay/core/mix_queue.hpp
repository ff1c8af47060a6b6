// The mix queue of the law `poisson` (mix_laws.hpp): holds every packet for its own delay. A packet
// is due at arrival + delay, so the time spent on cryptography does not add to the delay. The queue
// is a calendar queue (R. Brown 1988, "Calendar Queues: A Fast O(1) Priority Queue
// Implementation"): an array of buckets of about one millisecond each. A packet is stored in the
// bucket of its due time, and is not touched again until then. A binary heap would touch log n cold
// cache lines per packet. Pure; one thread. `random` must outlive this object.
#pragma once

#include <cstdint>
#include <vector>

#include "relay/core/mix_laws.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

class MixQueue final : public Mix {
 public:
    /// Precondition: capacity > 0.
    MixQueue(std::size_t capacity, base::Random& random);
    ~MixQueue() override;

    bool push(HeldPacket packet) override;

    std::size_t release(base::Mono now, std::vector<HeldPacket>& out) override;

    void slept(base::Nanoseconds gap) override;

    /// The earliest due time. If a full queue has dropped the packet that was due first, this may
    /// still return its due time.
    base::Mono next_due() const override { return next_due_; }
    std::size_t size() const override { return packets_.size() - free_.size(); }

 private:
    // A bucket of the calendar: the packets due in one time span, in this round or a later one.
    static constexpr std::uint32_t none = UINT32_MAX;
    struct Bucket {
        base::Mono earliest = base::Mono::max();  // no packet here is due earlier
        std::uint32_t first = none;               // head of the list: index in packets_
    };
    struct Neighbours {
        std::uint32_t before = none;
        std::uint32_t after = none;
        MixSource source =
            0;  // of the packet; here, so that a search among them stays in the cache
    };
    Bucket& bucket(std::int64_t day);
    std::int64_t bucket_of(base::Mono due) const;
    void put(HeldPacket packet);
    void replace(std::uint32_t place, HeldPacket packet);
    void insert(std::uint32_t place);
    void erase(std::uint32_t place);
    std::size_t leave(Bucket& bucket, base::Mono now, std::vector<HeldPacket>& out);
    HeldPacket take(std::uint32_t place);
    void find_next();

    std::size_t capacity_;
    base::Random& random_;
    MixShares shares_;
    std::vector<Bucket> buckets_;
    std::int64_t current_bucket_ =
        0;  // bucket number of the last release; earlier buckets are empty
    base::Mono next_due_ = base::Mono::max();
    std::vector<HeldPacket> packets_;
    std::vector<Neighbours> neighbours_;  // the list of each bucket, by packet index
    std::vector<std::uint32_t> free_;     // unused indices of packets_
    std::vector<std::uint32_t> leaving_;  // scratch; a member only to keep its memory
};

}  // namespace nightjar::relay::core
