// The schedule on which a client sends (docs/traffic-law.md section 1). It is drawn ahead from two
// random streams of its own, so nothing else that the client does can move a slot. Every gap of
// 1/(U + L) contains one slot, near its middle. In every gap of 1/L, the first slot at or after a
// uniformly drawn moment is a loop; all others are main slots. Neither the time of a slot nor the
// number of packets in any second reveals its kind (docs/decisions/0016-one-loop-a-gap.md). The
// caller supplies each packet before its slot; due() only hands out packets that are there.
//
//   to_prepare() -> the caller builds the packet -> put() ... due(): handed out, or lost for good
//
// A lost slot is never made up. The content of its packet may go into later ones: take_unsent().
//
// Pure, one thread.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "client/core/slot_packet.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client::core {

/// The number of slots that have their packets in advance: the next one and the one after it.
inline constexpr std::size_t slots_ahead = 2;
/// All slots due within this time after the next slot have their packets too, for callers whose
/// timer is coarse.
inline constexpr base::Milliseconds prepare_lead{10};
/// A packet that is this late when due() is called is lost: the process stood still.
inline constexpr base::Milliseconds slot_late_max{25};
/// After a longer suspend the schedule starts anew, instead of counting every slot of it as lost.
inline constexpr base::Seconds restart_after{10};

struct Slot {
    enum class Kind : std::uint8_t { main, loop };
    Kind kind = Kind::main;
    base::Mono due{};      // when its cell leaves
    base::Mono nominal{};  // its law time: `due` without phase and jitter, up to two gaps earlier.
                           // What a packet says may depend on it, and never on `due`
};

struct SlotCounts {
    std::uint64_t main = 0;
    std::uint64_t loops = 0;
    std::uint64_t controls = 0;  // loop slots that carried a control cell
    std::uint64_t lost = 0;      // of both kinds
};

class TrafficLaw {
 public:
    /// Starts stopped. Draws the keys of its random streams from `random` here, the one for moments
    /// first, and nothing later.
    TrafficLaw(const directory::Parameters& parameters, base::Random& random);

    /// Takes the rates of a newer document. Slots that already have packets keep their times.
    void use(const directory::Parameters& parameters, base::Mono now);
    /// Gap k begins at `zero` + k gaps + a random phase. The first one used is the first that
    /// begins at or after `now`, whatever the phase. Precondition: zero <= now.
    void start(base::Mono now, base::Mono zero);
    void stop();
    bool running() const { return running_; }

    /// Returns the next slot that needs its packet now, in order of time. Empty if none does. The
    /// caller must put() a packet for each slot, in the same order.
    std::optional<Slot> to_prepare(base::Mono now);
    void put(const Slot& slot, SlotPacket packet);
    /// The next loop slot carries this cell instead of its loop, which never leaves. A main slot
    /// never does: a packet that is missing from a session's numbers shows at its exit. Replaces an
    /// earlier cell that is still waiting.
    void control(cell::CellBox cell) { control_ = std::move(cell); }
    /// Returns the packets of the slots due by `now` + `ahead`, in order; each has its cell. A slot
    /// is lost if it has no packet by then or is later than slot_late_max. One without a packet
    /// that is due after `now` may still get it.
    std::vector<SlotPacket> due(base::Mono now, base::Nanoseconds ahead = {});
    /// Takes back a packet of due() that could not be written, with or without its cell.
    void unwritten(SlotPacket packet);
    /// The packets that were lost or unwritten since the last call, without their cells. They will
    /// never leave.
    std::vector<SlotPacket> take_unsent() { return std::exchange(unsent_, {}); }
    /// The time of the next slot. Mono::max() when stopped.
    base::Mono next_due() const;
    /// The law time of the first slot without a packet. Precondition: running().
    base::Mono next_nominal() const { return upcoming_.nominal; }

    const SlotCounts& counts() const { return counts_; }

 private:
    struct Ready {
        Slot slot;
        SlotPacket packet;
    };
    base::Nanoseconds gap() const;
    /// The first gap whose law time is `time` or later.
    std::int64_t gap_from(base::Mono time) const;
    void begin_gap(std::int64_t number);
    void begin_loops();
    bool next_is_loop();
    Slot take();

    // Two streams, so that the moments of slots tell nothing about the rest, and the other way
    // round.
    base::ForkedRandom moments_;  // phase and jitter
    base::ForkedRandom kinds_;    // which slots are loops
    directory::Rate main_;
    directory::Rate loops_;
    bool running_ = false;
    base::Mono zero_{};               // law time of gap 0
    double phase_ = 0;                // how late every gap begins, in gaps, in [0, 1)
    std::int64_t gap_number_ = 0;     // of the gap of upcoming_
    Slot upcoming_;                   // the first slot without a packet
    double loops_gap_passed_ = 0;     // share of the current gap of 1/L that has passed
    double loop_at_ = 0;              // position of the loop in that gap, in [0, 1)
    bool loop_ahead_ = false;         // that loop is still to come
    std::vector<Ready> ready_;        // slots with packets: slots_ahead, or more by prepare_lead
    cell::CellBox control_;           // for the next loop slot
    std::vector<SlotPacket> unsent_;  // for take_unsent()
    SlotCounts counts_;
};

}  // namespace nightjar::client::core
