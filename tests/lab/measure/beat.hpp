// Whether the beat of an exit changes at a known moment. An exit's session sends a cell in each gap
// of 1/pace, so its cells fall on the same places of each 1/5 s: a train of 45 a second has nine
// places, each a millisecond wide. Cover at random moments falls on all places alike. So a session
// that begins or ends shows, whatever cover fills the exit's total.
//
// A client's paces are its whole pace, two thirds and a third of it, so one frame of nine gaps at
// the whole pace holds them all. While a session is on trial all others have nine tenths of that,
// and a frame of nine such gaps holds those. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nightjar::lab::measure {

/// What rises from one window to another. Compare exits by one of the three; each is larger where
/// more has risen, and is normalised by the noise of a Poisson process.
struct BeatChange {
    /// The train of one session that rises most: a session with a beat of its own has begun.
    double line = 0;
    /// How much the whole folded histogram changes, up or down, whatever its places are.
    double pattern = 0;
    /// Cells on the places that hold trains, above what the other places hold. It also shows where
    /// all sessions share one beat, and an exit then sends more cells at each moment of it.
    double cells = 0;
};

enum class Trains {
    whole,
    any
};  // for `line`: of the whole pace alone, or any of a client's paces

/// `sent`: the cells of one exit in each millisecond. Compares `window` milliseconds from `before`
/// on with as many from `after` on. For a fall exchange the two. `whole_milli`: a client's whole
/// pace in thousandths of cells per second. Preconditions: both windows lie within `sent`, and
/// `window` is a multiple of 200.
BeatChange beat_change(std::span<const std::uint8_t> sent, std::size_t before, std::size_t after,
                       std::size_t window, std::uint32_t whole_milli, Trains trains);

}  // namespace nightjar::lab::measure
