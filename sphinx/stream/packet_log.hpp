// Packet numbers of one direction: what was sent and is still unanswered, what has arrived.
//
// Mixing reorders by design, so a packet is not lost because later ones are acknowledged; it is
// lost when it is older than a patience that the caller takes from the delays that we chose.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "sphinx/base/time.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::stream {

/// The sender's side. Pure, one thread.
class SentLog {
 public:
    /// After `resend_after` without an ack a packet is reported lost, so that what it carried goes
    /// into a later one: a high quantile (say 1e-4) of the way there, the wait for a reply and the
    /// way back. Its weight counts as in flight until it is acknowledged or `weight_patience` old:
    /// the longest delay of the route (docs/traffic-law.md section 2).
    SentLog(base::Nanoseconds resend_after, base::Nanoseconds weight_patience);
    /// The way's pace has changed, and with it the wait for an answer.
    void resend_after(base::Nanoseconds patience) { resend_after_ = patience; }
    /// Both the same.
    explicit SentLog(base::Nanoseconds patience) : SentLog{patience, patience} {}

    /// The number of the packet that is being made. `weight` is remembered (SURBs inside, for one).
    /// Precondition: `sent` never goes back.
    PacketNumber next(base::Mono sent, std::uint32_t weight);

    /// Packet `number` has never left: it counts no more, and is not reported lost. False if it was
    /// settled before.
    bool withdraw(PacketNumber number);

    struct Settled {
        PacketNumber number;
        std::uint32_t weight;
        bool arrived;
    };
    /// What these acks settle for the first time; a packet already reported lost is not reported
    /// again. Acks of numbers that were never given out are ignored whole.
    std::vector<Settled> on_acks(const Acks& acks);
    /// What is lost by now, oldest first. Also lets go of weights past their patience, so call it
    /// before weight_in_flight().
    std::vector<Settled> expire(base::Mono now);

    /// Sum of the weights of packets neither acknowledged nor past weight_patience.
    std::uint32_t weight_in_flight() const { return weight_in_flight_; }
    PacketNumber last() const { return last_; }

 private:
    struct Entry {
        base::Mono sent;
        std::uint32_t weight;
        bool arrived;
    };
    Entry& entry(PacketNumber number) { return entries_[gone_ + (number - first_)]; }
    void acknowledge(PacketNumber number, std::vector<Settled>& settled);

    base::Nanoseconds resend_after_;
    base::Nanoseconds weight_patience_;
    PacketNumber last_ = 0;
    PacketNumber first_ = 1;        // the oldest that is remembered
    PacketNumber resend_next_ = 1;  // below it everything has arrived or was reported lost
    PacketNumber weight_next_ = 1;  // below it no weight counts any more
    std::size_t gone_ = 0;          // entries in front that are older than first_
    std::vector<Entry> entries_;    // behind them first_ .. last_, none missing
    std::uint32_t weight_in_flight_ = 0;
    Acks told_;  // the newest acks, so that each number is looked at once
};

/// The receiver's side: what to acknowledge, and whether a number is new. Pure, one thread.
class ArrivedLog {
 public:
    /// False if this number arrived before or is too old to tell: the packet is then ignored.
    bool arrived(PacketNumber number);
    /// What the next packet tells the sender. Nearly always newest(); but at hundreds of packets a
    /// second a late packet lies outside that window, and every other call then tells of an older
    /// window until each late number has been told `repeats` times.
    Acks next_acks();
    const Acks& newest() const { return newest_; }

 private:
    static constexpr PacketNumber memory = 4096;  // numbers below `largest_` that are known
    static constexpr PacketNumber near = 96;      // a number within this of largest_ is told often
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
    Acks newest_;                                    // window_at(largest_), kept as packets arrive
    std::array<std::uint64_t, memory / 64> bits_{};  // number n at bit n mod memory
    std::deque<Late> late_;                          // oldest arrival first, at most `memory`
    bool tell_late_ = false;
};

}  // namespace nightjar::stream
