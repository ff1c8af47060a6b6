// How a relay holds packets: one interface, and one object for each law that a network may choose
// (docs/parameters.md says when to choose which).
//
//   poisson      each packet waits for the delay that its sender drew: MixQueue
//   timed-pool   each interval a random part of the pool leaves: TimedPool
//   threshold    all packets leave when there are enough, or the oldest has waited for the most
//                that the network allows: Threshold
//
// What holds for all of them: packets that are released together leave in a uniformly random order.
// Packets overdue by more than `lateness_max` (after a stall or a suspend) are dropped and not sent
// in a burst. A full mix drops a packet of the source that holds most of it, the new packet
// included: a uniformly random one, so that overflow reveals nothing about the order
// (docs/decisions/0083-the-heaviest-source-loses.md). A packet may be pushed before it arrives: a
// gateway lets a client's packet enter at a moment of its own (entry_gate.hpp). Until then it takes
// a place, but it is not in the mix: it is not counted, not drawn, and does not leave. There is no
// flush: before its time a packet can only be wiped. Pure; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay::core {

// The destination of a held packet.
struct ToRelay {
    base::NodeId next;
};
struct ToMailbox {
    base::MailboxId client;
};
struct ToExit {};
using HeldTarget = std::variant<ToRelay, ToMailbox, ToExit>;

/// Whose room in the mix a packet takes: the neighbour that sent it, the prefix of its client, or
/// this relay. A keyed hash below mix_sources, so that nothing is kept about a source that has
/// gone; that two share a number does little harm.
using MixSource = std::uint16_t;
inline constexpr std::size_t mix_sources = 4096;

// One cache line: among thousands of packets, a due packet is rarely in the cache.
struct alignas(64) HeldPacket {
    cell::CellBox cell;
    HeldTarget where;
    MixSource source = 0;
    base::Mono arrived;         // when the delay starts: at arrival, or at the entry moment
    base::Nanoseconds delay{};  // the sender's, or the relay's own for a packet that ends here
    base::Mono due() const { return arrived + delay; }
};
static_assert(sizeof(HeldPacket) == 64);

class Mix {
 public:
    virtual ~Mix() = default;
    Mix(const Mix&) = delete;
    Mix& operator=(const Mix&) = delete;

    /// Returns false if the mix was full and a packet (possibly this one) was dropped.
    /// Precondition: packet.source < mix_sources.
    virtual bool push(HeldPacket packet) = 0;
    /// Appends the packets that leave by `now` to `out`, in random order. Returns the number of
    /// packets dropped as overdue. Times must not decrease.
    virtual std::size_t release(base::Mono now, std::vector<HeldPacket>& out) = 0;
    /// The machine was suspended for `gap`, and the clock stood still meanwhile: every packet has
    /// been here for `gap` longer.
    virtual void slept(base::Nanoseconds gap) = 0;
    /// When release() has something to do; Mono::max() if the mix is empty. It may be early: then
    /// release() finds nothing, once.
    virtual base::Mono next_due() const = 0;
    virtual std::size_t size() const = 0;
    /// While a relay answers withheld packets, its mix keeps them for longer (loop_watch.hpp). The
    /// packets of MixQueue ask for longer delays then, and those of Threshold already stay for as
    /// long as any packet may.
    virtual void keep_longer(bool) {}

 protected:
    Mix() = default;
};

/// A mix of the law that `parameters` names. `random` must outlive it. Precondition: capacity > 0.
std::unique_ptr<Mix> make_mix(const directory::Parameters& parameters, std::size_t capacity,
                              base::Random& random);
/// True if a mix of one's law is a mix of the other's, so that a new document needs no new mix.
bool same_mix(const directory::Parameters& one, const directory::Parameters& other);

/// How much of a mix each source holds. Every call takes constant time.
class MixShares {
 public:
    /// Precondition: no source ever holds more than `most`.
    explicit MixShares(std::size_t most);

    void enter(MixSource source);
    /// Precondition: the source holds something.
    void leave(MixSource source);
    /// The source that holds most; of equals a random one.
    MixSource heaviest(base::Random& random) const;

 private:
    void swap(std::size_t one, std::size_t other);

    std::vector<MixSource> order_;      // all sources, by what they hold
    std::vector<std::uint16_t> place_;  // of each source in order_
    std::vector<std::uint32_t> held_;   // by each source
    std::vector<std::uint16_t> first_;  // by count: where in order_ those with so many begin
};

/// A place from 0 to `newcomer`, drawn uniformly from those that are the loser's. On average it
/// tries as many places as there are for each of his, so the tries come from a generator that takes
/// 2 ns, SplitMix64 (Steele, Lea, Flood 2014); `random` gives its seed. Precondition: there is one.
template <class IsLosers>
std::size_t draw_victim(std::size_t newcomer, base::Random& random, IsLosers is_losers) {
    for (auto state = random.u64();; state += 0x9e3779b97f4a7c15) {
        auto draw = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
        draw = (draw ^ (draw >> 27)) * 0x94d049bb133111eb;
        // The upper half of the 32 upper bits times the number of places: a bias of 20,000 / 2^32.
        const auto place = static_cast<std::size_t>((draw >> 32) * (newcomer + 1) >> 32);
        if (is_losers(place)) return place;
    }
}

/// The packets of a mix that does not look at their own delays.
class Pool {
 public:
    Pool(std::size_t capacity, base::Random& random);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// As Mix::push.
    bool push(HeldPacket packet);
    /// Lets those in that have arrived by `now`. Call it before what takes, drops or counts them,
    /// and again after a push().
    void enter(base::Mono now);
    /// The number of packets that are in.
    std::size_t inside() const { return inside_; }
    /// Moves a random packet that is in to `out`. Precondition: inside() > 0.
    void take_any(std::vector<HeldPacket>& out);
    /// Moves every packet that is in and arrived by `until` to `out`, in the order of the pool.
    void take_older(base::Mono until, std::vector<HeldPacket>& out);
    /// Wipes every packet that is in and arrived before `before`. Returns their number.
    std::size_t drop_older(base::Mono before);
    void slept(base::Nanoseconds gap);
    /// The number of all packets, in or not.
    std::size_t size() const { return packets_.size(); }
    /// When the oldest of all packets arrives; Mono::max() if there is none.
    base::Mono oldest() const;
    /// When `count` of all packets have arrived; Mono::max() if there are fewer.
    base::Mono arrival(std::size_t count) const;

 private:
    HeldPacket take(std::size_t place);

    std::size_t capacity_;
    base::Random& random_;
    MixShares shares_;
    std::vector<HeldPacket> packets_;
    std::size_t inside_ = 0;  // the first so many of packets_ are in, from enter() to push()
};

/// Each interval, the share `part` of the packets leaves, and at least `keep` stay. Each packet has
/// the same chance, whenever it arrived. The time that a packet is held is the rest of the interval
/// in which it arrives, and whole intervals, whose number is geometric: mean_delay on average. The
/// number of packets that leave is rounded up or down at random, so that the chance is `part`
/// exactly. Only a packet that would otherwise be here for longer than the cap leaves for sure,
/// even if fewer than `keep` stay. Intervals begin at a random millisecond. Those that a stall
/// skips are not made up for.
class TimedPool final : public Mix {
 public:
    TimedPool(const directory::Parameters& parameters, std::size_t capacity, base::Random& random);

    bool push(HeldPacket packet) override;
    std::size_t release(base::Mono now, std::vector<HeldPacket>& out) override;
    void slept(base::Nanoseconds gap) override { pool_.slept(gap); }
    base::Mono next_due() const override;
    std::size_t size() const override { return pool_.size(); }
    /// Then a smaller part leaves, so that the mean time is longer.
    void keep_longer(bool longer) override { part_ = longer ? small_part_ : usual_part_; }

 private:
    base::Mono end_after(base::Mono arrived) const;
    std::size_t draw_count(std::size_t inside);

    base::Random& random_;
    Pool pool_;
    base::Nanoseconds interval_;
    base::Nanoseconds cap_;
    double usual_part_;
    double small_part_;
    double part_;
    std::size_t keep_;
    base::Mono next_;   // the end of an interval
    base::Mono first_;  // the first end after the last release
};

/// All packets leave when `packets` are there, or when the oldest has waited for the cap.
class Threshold final : public Mix {
 public:
    Threshold(const directory::Parameters& parameters, std::size_t capacity, base::Random& random);

    bool push(HeldPacket packet) override;
    std::size_t release(base::Mono now, std::vector<HeldPacket>& out) override;
    void slept(base::Nanoseconds gap) override;
    base::Mono next_due() const override { return due_; }
    std::size_t size() const override { return pool_.size(); }

 private:
    base::Mono find_due() const;

    Pool pool_;
    std::size_t enough_;
    base::Nanoseconds longest_;
    base::Mono due_ = base::Mono::max();  // when all leave; early if not all have entered
};

/// Overwrites a cell's body with zeros: the payload of a final packet is plaintext.
void wipe(cell::Cell& cell);

}  // namespace nightjar::relay::core
