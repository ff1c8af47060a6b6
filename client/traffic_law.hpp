// When a client sends (docs/traffic-law.md section 1), drawn ahead from a random stream of its own,
// so that nothing else that the client does can move a slot: one slot in every gap 1/(U + L), near
// its middle. The first slot behind a uniform moment of every gap 1/L is a loop, all others are
// main slots: no moment says which, nor does how many packets come or go in any second
// (docs/decisions/0016-one-loop-a-gap.md). Packets are put in before their time; due() only hands
// out what is there.
//
//   to_prepare() -> the caller makes the packet -> put() ... due(): written, or lost for good
//
// A lost slot is never made up. What its packet carried may go into later ones: take_unsent().
//
// Pure, one thread.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "client/surb_supply.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::client {

/// This many slots have their packets at any time, the one that is due next and the one after it.
inline constexpr std::size_t slots_ahead = 2;
/// Whatever is due so soon after the next slot has its packet too, for callers whose timer is
/// coarse.
inline constexpr base::Milliseconds prepare_lead{10};
/// A packet that could not be handed out so long after its time is lost: the process stood still.
inline constexpr base::Milliseconds slot_late_max{25};
/// After a suspend so long the schedule starts afresh instead of counting through it.
inline constexpr base::Seconds restart_after{10};

struct Slot {
    enum class Kind : std::uint8_t { main, loop };
    Kind kind = Kind::main;
    base::Mono due{};
    double lot = 0;  // main: uniform in [0, 1), says which session gets it
};

/// Whose packet a slot has, and which one of its session; a loop is nobody's.
struct SlotPacket {
    cell::CellBox cell;  // nullptr: none could be made; the slot is lost
    SessionHandle session = loops_handle;
    stream::PacketNumber number = 0;
    std::vector<base::Identifier> awaited{};  // its SURBs, or itself if it is a loop
};

struct SlotCounts {
    std::uint64_t main = 0;
    std::uint64_t loops = 0;
    std::uint64_t lost = 0;  // of both kinds
};

class TrafficLaw {
 public:
    /// Stopped. Draws a key from `random` here and never again.
    TrafficLaw(const directory::Parameters& parameters, base::Random& random);

    /// Rates of a newer document; slots that have their packets keep their times.
    void use(const directory::Parameters& parameters, base::Mono now);
    void start(base::Mono now);
    void stop();
    bool running() const { return running_; }

    /// The next slot that should have its packet by now, in order of time. The caller puts it.
    std::optional<Slot> to_prepare(base::Mono now);
    void put(const Slot& slot, SlotPacket packet);
    /// What is due by `now`, in order. What is due and has no packet, or is later than
    /// slot_late_max, is lost.
    std::vector<cell::CellBox> due(base::Mono now);
    /// Cell `i` of those that due() gave last could not be written.
    void unwritten(std::size_t i);
    /// The packets that have not left since the last call and never will, without their cells.
    std::vector<SlotPacket> take_unsent() { return std::exchange(unsent_, {}); }
    /// Time of the next slot; Mono::max() when stopped.
    base::Mono next_due() const;

    const SlotCounts& counts() const { return counts_; }

 private:
    struct Ready {
        Slot slot;
        SlotPacket packet;
    };
    base::Nanoseconds gap() const;
    void begin_gap(base::Mono at);
    void begin_loops();
    bool next_is_loop();
    Slot take();

    base::ForkedRandom random_;
    directory::Rate main_;
    directory::Rate loops_;
    bool running_ = false;
    base::Mono gap_begins_{};  // the gap that upcoming_ lies in
    Slot upcoming_;
    double loops_gap_passed_ = 0;         // share of the present gap 1/L
    double loop_at_ = 0;                  // where in it its loop lies
    bool loop_ahead_ = false;             // and whether that is still to come
    std::vector<Ready> ready_;            // slots_ahead, and what prepare_lead adds
    std::vector<SlotPacket> handed_out_;  // by the last due()
    std::vector<SlotPacket> unsent_;
    SlotCounts counts_;
};

}  // namespace nightjar::client
