#include "relay/mix_queue.hpp"

#include <sodium.h>

#include <cassert>
#include <limits>
#include <span>
#include <utility>

namespace nightjar::relay {

MixQueue::MixQueue(std::size_t capacity, base::Random& random)
    : capacity_{capacity}, random_{random} {
    assert(capacity_ > 0 && capacity_ <= std::numeric_limits<std::uint32_t>::max());
}

MixQueue::~MixQueue() {
    for (const auto& entry : heap_)
        wipe(*packets_[entry.place].cell);
}

std::uint32_t MixQueue::put(Held packet) {
    if (free_.empty()) {
        packets_.push_back(std::move(packet));
        return static_cast<std::uint32_t>(packets_.size() - 1);
    }
    const auto place = free_.back();
    free_.pop_back();
    packets_[place] = std::move(packet);
    return place;
}

Held MixQueue::take(std::uint32_t place) {
    free_.push_back(place);
    return std::exchange(packets_[place], Held{});
}

bool MixQueue::push(Held packet) {
    assert(packet.cell && packet.delay.count() >= 0);
    if (heap_.size() < capacity_) {
        const auto due = packet.due();
        heap_.push_back({due, put(std::move(packet))});
        sift_up(heap_.size() - 1);
        return true;
    }
    // Every packet, the new one as the last of them, is the victim with the same chance.
    const auto victim = static_cast<std::size_t>(random_.below(heap_.size() + 1));
    if (victim == heap_.size()) {
        wipe(*packet.cell);
        return false;
    }
    auto& replaced = packets_[heap_[victim].place];
    wipe(*replaced.cell);
    heap_[victim].due = packet.due();
    replaced = std::move(packet);
    sift_up(victim);
    sift_down(victim);
    return false;
}

std::size_t MixQueue::release(base::Mono now, std::vector<Held>& out) {
    const auto before = out.size();
    std::size_t overdue = 0;
    while (!heap_.empty() && heap_.front().due <= now) {
        auto packet = take(heap_.front().place);
        heap_.front() = heap_.back();
        heap_.pop_back();
        if (!heap_.empty()) sift_down(0);
        if (now - packet.due() > overdue_max) {
            wipe(*packet.cell);
            ++overdue;
        } else {
            out.push_back(std::move(packet));
        }
    }
    // The heap yields them in order of due time. That says nothing to who does not know the delays,
    // which have no memory; but who has sent some of the packets would see between which of its own
    // the others were due. (Order of arrival would cost everyone else most of a bit per hop at
    // 5,000 packets a second: tests/privacy.)
    auto released = std::span{out}.subspan(before);
    random_.shuffle(released);
    return overdue;
}

void MixQueue::slept(base::Nanoseconds gap) {
    // All by the same amount, so the heap stays one.
    for (auto& entry : heap_) {
        entry.due -= gap;
        packets_[entry.place].arrived -= gap;
    }
}

base::Mono MixQueue::next_due() const {
    return heap_.empty() ? base::Mono::max() : heap_.front().due;
}

void MixQueue::sift_up(std::size_t at) {
    while (at > 0) {
        const auto parent = (at - 1) / 2;
        if (heap_[parent].due <= heap_[at].due) return;
        std::swap(heap_[parent], heap_[at]);
        at = parent;
    }
}

void MixQueue::sift_down(std::size_t at) {
    for (;;) {
        auto least = at;
        for (const auto child : {2 * at + 1, 2 * at + 2})
            if (child < heap_.size() && heap_[child].due < heap_[least].due) least = child;
        if (least == at) return;
        std::swap(heap_[least], heap_[at]);
        at = least;
    }
}

void wipe(cell::Cell& cell) {
    const auto body = cell.body();
    sodium_memzero(body.data(), body.size());
}

}  // namespace nightjar::relay
