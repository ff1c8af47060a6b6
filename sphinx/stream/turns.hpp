// Which stream puts its bytes into a packet first (docs/stream.md, Turns). It changes the order of
// bytes in packets that leave anyway, and nothing else. Both ends use it. Pure; one thread.
//
// A stream is small until it has used up its allowance, and large then. Small ones go first, but of
// four packets for which both kinds wait, a large one begins one. Among streams of one kind the one
// that has sent the fewest bytes goes first, so all that keep waiting get equally many. A stream
// that begins to wait counts as having sent as much as the one that has sent most. So each of those
// that wait already is overtaken by it at most once, and a stream's wait has a bound.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace nightjar::stream {

/// What a stream may send before it counts as large: some 33 packets.
inline constexpr std::size_t small_allowance = 64 * 1024;
/// What it regains for each packet for which it has nothing to send: a sixteenth of a packet. So
/// one that takes less than that share, like a terminal, stays small.
inline constexpr std::size_t allowance_back = 128;
/// Packets in a row that small streams may begin while a large one waits.
inline constexpr unsigned small_in_row_max = 3;

/// One stream's place.
struct Turn {
    enum class Kind : std::uint8_t { small, large };
    Kind kind = Kind::small;
    bool waits = false;
    std::size_t used = 0;    // of the allowance
    std::uint64_t sent = 0;  // the bytes by which streams of its kind are ordered
};

class Turns {
 public:
    /// Call it for each stream before each packet. `waits`: the stream has bytes to send.
    void note(Turn& turn, bool waits) {
        if (!waits) turn.used -= std::min(turn.used, allowance_back);
        const auto kind = turn.used < small_allowance ? Turn::Kind::small : Turn::Kind::large;
        if (waits && (!turn.waits || kind != turn.kind)) turn.sent = most(kind);
        turn.waits = waits;
        turn.kind = kind;
        large_waits_ |= waits && kind == Turn::Kind::large;
    }
    /// Call it after note(): the first of two streams that wait.
    bool first(const Turn& a, const Turn& b) const {
        if (a.kind != b.kind) return a.kind == leading();
        return a.sent < b.sent;
    }
    /// The stream has put `bytes` into the packet, as the first one of it if `begins`.
    void sent(Turn& turn, std::size_t bytes, bool begins) {
        if (begins && turn.kind == Turn::Kind::large)
            in_row_ = 0;
        else if (begins && large_waits_)
            ++in_row_;
        turn.used = std::min(turn.used + bytes, small_allowance);
        turn.sent += bytes;
        most(turn.kind) = std::max(most(turn.kind), turn.sent);
    }
    /// The packet is full.
    void packet_done() { large_waits_ = false; }

 private:
    std::uint64_t& most(Turn::Kind kind) { return most_.at(static_cast<std::size_t>(kind)); }
    Turn::Kind leading() const {
        return in_row_ < small_in_row_max ? Turn::Kind::small : Turn::Kind::large;
    }

    std::array<std::uint64_t, 2> most_{};  // the largest `sent` of each kind
    bool large_waits_ = false;             // for this packet
    unsigned in_row_ = 0;  // packets in a row that small streams began while large ones waited
};

}  // namespace nightjar::stream
