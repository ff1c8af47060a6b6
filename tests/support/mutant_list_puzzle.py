"""Mutants of the puzzle that a session solves for its exit."""
from mutant_list import CORE, mutant

PUZZLE = "sphinx/stream/puzzle.cpp"
EXIT = "relay/core/exit_sessions.cpp"
CLIENT = "client/core/puzzles.cpp"
BOUND = "puzzle: a solution is good for its exit, session and period only"
PAYS = "exit shares: sessions that pay enough, but solved no puzzle, keep no solved one out"

MUTANTS = [
    mutant("puzzle-of-any-exit", PUZZLE, "    writer.bytes(puzzle.exit.bytes);", "    writer.bytes(base::NodeId{}.bytes);", CORE, BOUND),
    mutant("puzzle-of-any-session", PUZZLE, "    writer.bytes(puzzle.session.bytes);", "    writer.bytes(base::SessionId{}.bytes);",
           CORE, BOUND),
    mutant("puzzle-of-any-period", PUZZLE, "    writer.u32(puzzle.period);", "    writer.u32(0);", CORE, BOUND),
    mutant("puzzle-one-bit-less", PUZZLE, "std::countl_zero(reader.u64())) >= bits;", "std::countl_zero(reader.u64())) + 1 >= bits;",
           CORE, "puzzle: each bit doubles the work"),
    mutant("puzzle-ends-with-its-period", PUZZLE, "    --puzzle.period;\n", "", CORE,
           "puzzle: a solution holds in its period and the next"),
    mutant("solved-sessions-stand-no-higher", EXIT, "    const bool outranked = proven && !worst.proven;",
           "    const bool outranked = false && proven;", CORE, PAYS),
    mutant("any-solution-counts", EXIT, "    return stream::solves_lately({limits.self, 0, id}, solution, limits.puzzle_bits, wall);",
           "    return stream::solves_lately({limits.self, 0, id}, solution, 0, wall);", CORE,
           "exit shares: a solution of another exit, session or day is none"),
    mutant("solution-counts-for-ever", EXIT, "        if (entry->proven && now >= entry->proven_until) {", "        if (false) {", CORE,
           "exit shares: a solution counts for three session lifetimes"),
    mutant("solved-sessions-need-not-pay", EXIT, "    const bool outranked = proven && !worst.proven;\n",
           "    const bool outranked = proven && !worst.proven;\n    if (worst.proven) return;\n", CORE,
           "exit shares: a solved session keeps no place for which it does not pay"),
    mutant("solution-said-for-ever", "client/core/session.cpp", "    if (due - *proof_said_ >= proof_for) {", "    if (false) {", CORE,
           "session: its solution is in each packet for 8 s, beside five SURBs too"),
    mutant("one-puzzle-at-a-time", CLIENT, "of.search.step(tries);",
           "of.search.step(&of == &sessions_.front() ? tries : 0);", CORE,
           "puzzles: a session's solution depends on no other session"),
    mutant("drawn-ahead-too-long-ago", CLIENT, "period - ahead_->puzzle().period <= 1;", "true;", CORE, "puzzles: what was drawn ahead too long ago is not used"),
    mutant("solves-all-in-one-slot", CLIENT, "std::min(tries_max, tries_per_second / slots)", "tries_per_second / slots", CORE,
           "puzzles: the work for a slot has a bound at every rate"),
]
