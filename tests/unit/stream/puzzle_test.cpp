// The puzzle that a session solves for its exit.
#include "sphinx/stream/puzzle.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::stream;

namespace {

constexpr unsigned bits = 10;

Puzzle puzzle() {
    Puzzle puzzle;
    puzzle.exit.bytes.fill(1);
    puzzle.session.bytes.fill(2);
    puzzle.period = 3;
    return puzzle;
}

/// The moment so many seconds after period 3 begins.
base::Wall in_period(std::int64_t seconds) {
    return base::Wall{3 * puzzle_period + base::Seconds{seconds}};
}

Solution solved(const Puzzle& of) {
    return PuzzleSearch{of, bits}.step(1 << 20).value();
}

}  // namespace

TEST_CASE("puzzle: a search in parts finds what a search at once finds, and it is a solution") {
    const auto at_once = solved(puzzle());
    CHECK(solves(puzzle(), at_once, bits));
    PuzzleSearch search{puzzle(), bits};
    std::uint32_t parts = 0;
    while (!search.step(1))
        ++parts;
    CHECK(search.step(1) == at_once);
    CHECK(search.step(0) == at_once);  // it stays found
    CHECK(parts > 10);                 // the first strings are none
}

TEST_CASE("puzzle: a solution is good for its exit, session and period only") {
    const auto solution = solved(puzzle());
    auto other = puzzle();
    other.exit.bytes[31] ^= 1;
    CHECK_FALSE(solves(other, solution, bits));
    other = puzzle();
    other.session.bytes[15] ^= 1;
    CHECK_FALSE(solves(other, solution, bits));
    other = puzzle();
    other.period ^= 1;
    CHECK_FALSE(solves(other, solution, bits));
    auto changed = solution;
    changed[4] ^= 1;
    CHECK_FALSE(solves(puzzle(), changed, bits));
}

TEST_CASE("puzzle: a solution holds in its period and the next") {
    const auto solution = solved(puzzle());
    const auto length = puzzle_period.count();
    CHECK_FALSE(solves_lately(puzzle(), solution, bits, in_period(-1)));
    CHECK(solves_lately(puzzle(), solution, bits, in_period(0)));
    CHECK(solves_lately(puzzle(), solution, bits, in_period(2 * length - 1)));
    CHECK_FALSE(solves_lately(puzzle(), solution, bits, in_period(2 * length)));
}

TEST_CASE("puzzle: each bit doubles the work") {
    // 64 puzzles of b bits take 64 * 2^b tries on average; four standard deviations are a half.
    const auto tries = [](unsigned of_bits) {
        std::uint64_t all = 0;
        for (std::uint8_t i = 0; i < 64; ++i) {
            auto one = puzzle();
            one.session.bytes[0] = i;
            PuzzleSearch search{one, of_bits};
            for (++all; !search.step(1); ++all) {
            }
        }
        return static_cast<double>(all) / 64;
    };
    CHECK(tries(6) > 0.5 * 64);
    CHECK(tries(6) < 1.5 * 64);
    CHECK(tries(8) > 0.5 * 256);
    CHECK(tries(8) < 1.5 * 256);
}
