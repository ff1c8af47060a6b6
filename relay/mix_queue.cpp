#include "relay/mix_queue.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <span>
#include <utility>

namespace nightjar::relay {
namespace {

// A day is 1.05 ms, about a tick, and 512 of them last longer than nearly any delay: most pages are
// of one day.
constexpr unsigned day_bits = 20;
constexpr std::size_t days = 512;

/// So many packets before its own a packet's place is asked for: among thousands it lies in no
/// cache.
constexpr std::size_t places_ahead = 8;

}  // namespace

MixQueue::MixQueue(std::size_t capacity, base::Random& random)
    : capacity_{capacity}, random_{random}, pages_(days) {
    assert(capacity_ > 0 && capacity_ < none);
}

MixQueue::~MixQueue() {
    for (const auto& packet : packets_)
        if (packet.cell) wipe(*packet.cell);
}

MixQueue::Page& MixQueue::page(std::int64_t day) {
    return pages_[static_cast<std::size_t>(day) % days];
}

/// What is due already lies under today.
std::int64_t MixQueue::day_of(base::Mono due) const {
    return std::max(today_, due.time_since_epoch().count() >> day_bits);
}

void MixQueue::write_down(std::uint32_t place) {
    const auto due = packets_[place].due();
    auto& its = page(day_of(due));
    if (its.first != none) neighbours_[its.first].before = place;
    neighbours_[place] = {none, std::exchange(its.first, place)};
    its.earliest = std::min(its.earliest, due);
    next_due_ = std::min(next_due_, due);
}

/// Takes no longer for a full page: whoever chooses delays can have all packets on one, and drop
/// one of them with each that he sends. So `earliest` stays, until the page is looked at.
void MixQueue::strike_out(std::uint32_t place) {
    const auto [before, after] = neighbours_[place];
    if (before == none)
        page(day_of(packets_[place].due())).first = after;
    else
        neighbours_[before].after = after;
    if (after != none) neighbours_[after].before = before;
}

void MixQueue::put(Held packet) {
    std::uint32_t place = 0;
    if (free_.empty()) {
        place = static_cast<std::uint32_t>(packets_.size());
        packets_.push_back(std::move(packet));
        neighbours_.emplace_back();
    } else {
        place = free_.back();
        free_.pop_back();
        if (free_.size() >= places_ahead)
            __builtin_prefetch(&packets_[free_[free_.size() - places_ahead]], 1);
        // Over the empty one that take() left, without a look: its line need not have come yet.
        new (&packets_[place]) Held(std::move(packet));
    }
    write_down(place);
}

void MixQueue::replace(std::uint32_t place, Held packet) {
    strike_out(place);
    wipe(*packets_[place].cell);
    packets_[place] = std::move(packet);
    write_down(place);
}

Held MixQueue::take(std::uint32_t place) {
    free_.push_back(place);
    return std::exchange(packets_[place], Held{});
}

bool MixQueue::push(Held packet) {
    assert(packet.cell && packet.delay.count() >= 0);
    if (size() < capacity_) {
        put(std::move(packet));
        return true;
    }
    // Every place holds a packet, and each of these, the new one as the last of them, is the victim
    // with the same chance.
    const auto victim = static_cast<std::size_t>(random_.below(packets_.size() + 1));
    if (victim == packets_.size())
        wipe(*packet.cell);
    else
        replace(static_cast<std::uint32_t>(victim), std::move(packet));
    return false;
}

/// What of a page is due by `now`; what is due in a later round stays. Returns how many were
/// overdue.
std::size_t MixQueue::leave(Page& page, base::Mono now, std::vector<Held>& out) {
    leaving_.clear();
    for (auto place = std::exchange(page, Page{}).first; place != none;
         place = neighbours_[place].after) {
        __builtin_prefetch(&packets_[place], 1);
        leaving_.push_back(place);
    }
    std::size_t overdue = 0;
    for (const auto place : leaving_) {
        const auto due = packets_[place].due();
        if (due > now) {
            write_down(place);
        } else if (now - due > overdue_max) {
            wipe(*take(place).cell);
            ++overdue;
        } else {
            out.push_back(take(place));
        }
    }
    return overdue;
}

std::size_t MixQueue::release(base::Mono now, std::vector<Held>& out) {
    if (next_due_ > now) return 0;
    const auto before = out.size();
    std::size_t overdue = 0;
    const auto last = day_of(now);
    // After a stall each page once, however many rounds have passed.
    const auto first = std::max(today_, last - static_cast<std::int64_t>(days) + 1);
    for (auto day = first; day <= last; ++day)
        if (page(day).earliest <= now) overdue += leave(page(day), now, out);
    today_ = last;
    find_next();
    // By page they would be in order of arrival within a millisecond, and by heap in order of due
    // time, which tells who has sent some of the packets between which of its own the others were
    // due. (Order of arrival would cost everyone else most of a bit per hop at 5,000 packets a
    // second: tests/privacy.)
    auto released = std::span{out}.subspan(before);
    random_.shuffle(released);
    return overdue;
}

void MixQueue::find_next() {
    next_due_ = base::Mono::max();
    for (std::size_t i = 0; i < days && size() > 0; ++i) {
        const auto day = today_ + static_cast<std::int64_t>(i);
        next_due_ = std::min(next_due_, page(day).earliest);
        // What lies under later days is due after this one.
        if (day_of(next_due_) <= day) return;
    }
}

void MixQueue::slept(base::Nanoseconds gap) {
    for (auto& page : pages_)
        page = {};
    next_due_ = base::Mono::max();
    for (std::uint32_t place = 0; place < packets_.size(); ++place) {
        auto& packet = packets_[place];
        if (!packet.cell) continue;
        packet.arrived -= gap;
        write_down(place);
    }
}

void wipe(cell::Cell& cell) {
    const auto body = cell.body();
    sodium_memzero(body.data(), body.size());
}

}  // namespace nightjar::relay
