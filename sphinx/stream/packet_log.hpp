// The packet numbers of one direction: sent packets that are unacknowledged, and packets that have
// arrived.
//
// Mixing reorders packets by design, so the acknowledgement of later packets does not make a packet
// lost. A packet is lost when it is older than a timeout that the caller derives from the delays
// that the sender chose.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/number_order.hpp"

namespace nightjar::stream {

/// The sender's side. Pure; one thread.
class SentLog {
 public:
    /// A packet without an ack for `resend_after` is reported lost, so that its content goes into a
    /// later one. Choose a high quantile (such as 1 - 1e-4) of the time there, the wait for a reply
    /// and the way back. The packet's weight counts as in flight until it is acknowledged or
    /// `weight_patience` old, which is the longest delay of the route (docs/traffic-law.md section
    /// 2).
    SentLog(base::Nanoseconds resend_after, base::Nanoseconds weight_patience);
    /// Call when the pace has changed, and with it the wait for an answer.
    void resend_after(base::Nanoseconds patience) { resend_after_ = patience; }
    /// Uses one value for both times.
    explicit SentLog(base::Nanoseconds patience) : SentLog{patience, patience} {}
    /// Numbers are used in a random order from now on (NumberOrder). Call it before next().
    void use_order(base::Random& random) { order_.emplace(random); }

    /// The acks tell losses: a number below `largest` in the window that has no bit is lost. (A
    /// client's acks do; an exit's do not.)
    void losses_are_told() { losses_are_told_ = true; }

    /// Returns the number for a new packet, and records its `weight` (for example its number of
    /// SURBs). Without a NumberOrder, numbers increase. Precondition: `sent` never decreases.
    PacketNumber next(base::Mono sent, std::uint32_t weight);
    /// Leaves out the next number: no packet has it. Precondition: there is no NumberOrder.
    void leave_out(base::Mono sent);

    /// Packet `number` was never sent: it no longer counts, and is not reported lost. Returns false
    /// if it was already settled.
    bool withdraw(PacketNumber number);

    struct Settled {
        PacketNumber number;
        std::uint32_t weight;
        bool arrived;
    };
    /// Returns the packets that these acks settle for the first time, as arrived or lost; a packet
    /// already reported lost is not reported again. A number that no packet has is ignored, and
    /// only that number.
    std::vector<Settled> on_acks(const Acks& acks);
    /// Returns the packets that are lost by now, oldest first. Also releases weights past
    /// weight_patience, so call it before weight_in_flight(). `now` may be the time of the newest
    /// evidence instead.
    std::vector<Settled> expire(base::Mono now);

    /// The sum of the weights of packets that are neither acknowledged nor older than
    /// weight_patience.
    std::uint32_t weight_in_flight() const { return weight_in_flight_; }
    /// The highest number that a packet has.
    PacketNumber last() const { return highest_; }

 private:
    struct Entry {
        base::Mono sent;
        std::uint32_t weight;
        PacketNumber number;  // 0: no packet has this entry's number
        bool arrived;         // or there is no packet
    };
    // Entries are numbered by position, in the order of sending.
    Entry& entry(PacketNumber position) { return entries_[gone_ + (position - first_)]; }
    PacketNumber position_of(PacketNumber number) const;
    void record(base::Mono sent, std::uint32_t weight, std::optional<PacketNumber> number);
    bool acknowledge(PacketNumber number, std::vector<Settled>& settled);
    void give_up(PacketNumber number, std::vector<Settled>& settled);

    base::Nanoseconds resend_after_;
    base::Nanoseconds weight_patience_;
    std::optional<NumberOrder> order_;
    bool losses_are_told_ = false;
    PacketNumber highest_ = 0;
    PacketNumber last_ = 0;         // the newest position
    PacketNumber first_ = 1;        // the oldest position still recorded
    PacketNumber resend_next_ = 1;  // all below have arrived or been reported lost
    PacketNumber weight_next_ = 1;  // weights below it no longer count
    std::size_t gone_ = 0;          // number of outdated entries at the front
    std::vector<Entry> entries_;    // then those of first_ .. last_, without gaps
    std::uint32_t weight_in_flight_ = 0;
    Acks told_;  // the newest acks, so that each number is handled once
};

/// The receiver's side: the acks to send, and whether a number is new. Pure; one thread.
class ArrivedLog {
 public:
    /// Records an arrival. Returns false if the number arrived before, or is too old to decide:
    /// ignore the packet then.
    bool arrived(PacketNumber number);
    /// The acks for the next packet. Nearly always newest(). At hundreds of packets a second a late
    /// packet may be outside that window; then every other call returns an older window, until each
    /// late number has been acknowledged `repeats` times.
    Acks next_acks();
    const Acks& newest() const { return newest_; }

 private:
    static constexpr PacketNumber memory = 4096;  // numbers below `largest_` that are recorded
    // Within this of largest_: acked often. A client's number that comes in the order of sending is
    // less than two blocks below the largest.
    static constexpr PacketNumber near = 2 * NumberOrder::block;
    static_assert(near + 32 <= ack_window);
    static constexpr unsigned repeats = 8;
    struct Late {
        PacketNumber number;
        unsigned repeats_left;
    };
    bool has(PacketNumber number) const;
    void mark(PacketNumber number, bool value);
    Acks window_at(PacketNumber anchor) const;
    PacketNumber anchor_for(PacketNumber late) const;

    PacketNumber largest_ = 0;
    Acks newest_;                                    // window_at(largest_), updated on each arrival
    std::array<std::uint64_t, memory / 64> bits_{};  // number n at bit n mod memory
    std::deque<Late> late_;                          // oldest arrival first, at most `memory`
    bool tell_late_ = false;
};

}  // namespace nightjar::stream
