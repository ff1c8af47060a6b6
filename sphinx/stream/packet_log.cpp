#include "sphinx/stream/packet_log.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace nightjar::stream {
namespace {

/// The window of `acks`, shifted to end below the number `anchor`.
std::bitset<ack_window> window_from(const Acks& acks, PacketNumber anchor) {
    if (anchor < acks.largest) return acks.below >> (acks.largest - anchor);
    const auto moved = anchor - acks.largest;
    if (moved == 0 || acks.largest == 0 || moved > ack_window)
        return moved == 0 ? acks.below : std::bitset<ack_window>{};
    return (acks.below << moved).set(moved - 1);
}

}  // namespace

SentLog::SentLog(base::Nanoseconds resend_after, base::Nanoseconds weight_patience)
    : resend_after_{resend_after}, weight_patience_{weight_patience} {}

void SentLog::record(base::Mono sent, std::uint32_t weight, std::optional<PacketNumber> number) {
    assert(entries_.empty() || sent >= entries_.back().sent);
    assert(last_ + 1 != 0);
    entries_.push_back({sent, number ? weight : 0, number.value_or(0), !number});
    ++last_;
    if (!number) return;
    highest_ = std::max(highest_, *number);
    weight_in_flight_ += weight;
}

PacketNumber SentLog::next(base::Mono sent, std::uint32_t weight) {
    std::optional<PacketNumber> number;
    if (!order_) number = last_ + 1;
    while (!number) {
        number = order_->next();
        if (!number) record(sent, 0, number);
    }
    record(sent, weight, number);
    return *number;
}

void SentLog::leave_out(base::Mono sent) {
    assert(!order_);
    record(sent, 0, std::nullopt);
}

PacketNumber SentLog::position_of(PacketNumber number) const {
    const auto position = order_ ? order_->position_of(number) : number;
    return position <= last_ ? position : 0;
}

/// False if no packet has this number.
bool SentLog::acknowledge(PacketNumber number, std::vector<Settled>& settled) {
    const auto position = position_of(number);
    if (position == 0) return false;
    if (position < first_) return true;
    auto& packet = entry(position);
    if (packet.arrived) return packet.number != 0;
    packet.arrived = true;
    if (position >= weight_next_) weight_in_flight_ -= packet.weight;
    if (position >= resend_next_) settled.push_back({number, packet.weight, true});
    return true;
}

void SentLog::give_up(PacketNumber number, std::vector<Settled>& settled) {
    const auto position = position_of(number);
    if (position < first_ || position < resend_next_ || entry(position).arrived) return;
    auto& packet = entry(position);
    packet.arrived = true;
    if (position >= weight_next_) weight_in_flight_ -= packet.weight;
    settled.push_back({number, packet.weight, false});
}

bool SentLog::withdraw(PacketNumber number) {
    std::vector<Settled> settled;
    acknowledge(number, settled);
    return !settled.empty();
}

std::vector<SentLog::Settled> SentLog::on_acks(const Acks& acks) {
    std::vector<Settled> settled;
    if (acks.largest == 0) return settled;
    auto told = acks;
    const auto fresh = acks.below & ~window_from(told_, acks.largest);
    acknowledge(acks.largest, settled);
    for (auto i = fresh._Find_first(); i < ack_window; i = fresh._Find_next(i)) {
        // An ack ahead of its packet must not hide the true one that may follow.
        if (!acknowledge(acks.largest - 1 - static_cast<PacketNumber>(i), settled))
            told.below.reset(i);
    }
    if (acks.largest >= told_.largest && acks.largest <= highest_) told_ = told;
    if (!losses_are_told_ || acks.largest > highest_) return settled;
    const auto below = std::min<std::size_t>(ack_window, acks.largest - 1);
    for (std::size_t i = 0; i < below; ++i)
        if (!acks.below[i]) give_up(acks.largest - 1 - static_cast<PacketNumber>(i), settled);
    return settled;
}

std::vector<SentLog::Settled> SentLog::expire(base::Mono now) {
    std::vector<Settled> settled;
    for (; resend_next_ <= last_; ++resend_next_) {
        const auto& packet = entry(resend_next_);
        if (now - packet.sent < resend_after_) break;
        if (!packet.arrived) settled.push_back({packet.number, packet.weight, false});
    }
    for (; weight_next_ <= last_; ++weight_next_) {
        const auto& packet = entry(weight_next_);
        if (now - packet.sent < weight_patience_) break;
        if (!packet.arrived) weight_in_flight_ -= packet.weight;
    }
    const auto first = std::min(resend_next_, weight_next_);
    gone_ += first - first_;
    first_ = first;
    if (order_) order_->forget_before(first);
    // Rare enough that each entry is moved about once, often enough that at least half of the
    // vector is in use.
    if (gone_ >= 64 && gone_ >= entries_.size() / 2)
        entries_.erase(entries_.begin(),
                       entries_.begin() + static_cast<std::ptrdiff_t>(std::exchange(gone_, 0)));
    return settled;
}

bool ArrivedLog::has(PacketNumber number) const {
    const auto bit = number % memory;
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
}

void ArrivedLog::mark(PacketNumber number, bool value) {
    const auto bit = number % memory;
    const auto mask = std::uint64_t{1} << (bit % 64);
    bits_[bit / 64] = value ? bits_[bit / 64] | mask : bits_[bit / 64] & ~mask;
}

bool ArrivedLog::arrived(PacketNumber number) {
    if (number == 0) return false;
    if (number > largest_) {
        // The skipped numbers have not arrived. A jump past the whole memory clears it.
        if (number - largest_ >= memory) {
            bits_.fill(0);
        } else {
            for (auto skipped = largest_ + 1; skipped < number; ++skipped)
                mark(skipped, false);
        }
        newest_.below = window_from(newest_, number);
        newest_.largest = largest_ = number;
        mark(number, true);
        return true;
    }
    if (largest_ - number >= memory || has(number)) return false;
    mark(number, true);
    if (largest_ - number <= ack_window) newest_.below.set(largest_ - number - 1);
    if (largest_ - number > near && late_.size() < memory) late_.push_back({number, repeats});
    return true;
}

Acks ArrivedLog::window_at(PacketNumber anchor) const {
    Acks acks;
    acks.largest = anchor;
    for (std::size_t i = 0; i < ack_window && i + 1 < anchor; ++i) {
        const auto number = anchor - 1 - static_cast<PacketNumber>(i);
        if (largest_ - number >= memory) break;
        acks.below[i] = has(number);
    }
    return acks;
}

/// The highest number that has arrived and whose window still contains `late`.
PacketNumber ArrivedLog::anchor_for(PacketNumber late) const {
    auto anchor = largest_;
    if (anchor - late > ack_window) anchor = late + static_cast<PacketNumber>(ack_window);
    while (anchor > late && !has(anchor))
        --anchor;
    return anchor;
}

Acks ArrivedLog::next_acks() {
    while (!late_.empty() && largest_ - late_.front().number >= memory)
        late_.pop_front();
    tell_late_ = !tell_late_ && !late_.empty();
    const auto anchor = tell_late_ ? anchor_for(late_.front().number) : largest_;
    std::erase_if(late_, [anchor](Late& late) {
        const bool told = late.number <= anchor && anchor - late.number <= ack_window;
        return told && --late.repeats_left == 0;
    });
    return anchor == largest_ ? newest_ : window_at(anchor);
}

}  // namespace nightjar::stream
