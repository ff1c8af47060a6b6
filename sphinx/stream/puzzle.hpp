// The puzzle that a session may solve for its exit (docs/decisions/0062). A solution is a string of
// five bytes for which
//
//   BLAKE2b-128("nightjar puzzle 1" | exit 32 | period 4 | session 16 | solution 5)
//
// begins with so many zero bits. To find one takes 2^bits hashes on average, to check one takes a
// single hash. It holds for one session at one exit, in one period and the next.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::stream {

/// What every client solves, however long it takes: 16.8 million hashes, 3.2 s of one core (virtual
/// EPYC, 2026-11-29).
inline constexpr unsigned puzzle_bits = 24;
/// The frame of a solution fits beside five SURBs.
inline constexpr std::size_t solution_size = 5;
using Solution = base::ByteArray<solution_size>;

struct Puzzle {
    base::NodeId exit;
    std::uint32_t period = 0;
    base::SessionId session;
};

/// Longer than a client may search: a solution that it began to search in one period is good in the
/// next one.
inline constexpr base::Seconds puzzle_period{2 * 3600};
/// The period of a moment of network time.
std::uint32_t puzzle_period_at(base::Wall time);

/// True if the hash begins with `bits` zero bits. Precondition: bits <= 64.
bool solves(const Puzzle& puzzle, const Solution& solution, unsigned bits);
/// solves() for a puzzle of the period of `now` or of the one before. `puzzle.period` is not read.
bool solves_lately(Puzzle puzzle, const Solution& solution, unsigned bits, base::Wall now);

/// Looks for a solution, a part at a time.
class PuzzleSearch {
 public:
    /// Precondition: bits <= 64.
    PuzzleSearch(const Puzzle& puzzle, unsigned bits) : puzzle_{puzzle}, bits_{bits} {}

    /// Tries so many further strings. The solution, if one of these or earlier ones is one.
    std::optional<Solution> step(std::uint32_t tries);
    const Puzzle& puzzle() const { return puzzle_; }

 private:
    Puzzle puzzle_;
    unsigned bits_;
    std::uint64_t next_ = 0;
    std::optional<Solution> found_;
};

}  // namespace nightjar::stream
