"""Mutants of speed: turns of streams, buffers of slow networks, the answer before the exit's."""
from mutant_list import CLIENT_SIMULATION, CORE, SYSTEM, UNIT, mutant

LARGE = "turns: a large stream begins one of four packets, whatever small ones do"
EQUAL = "turns: streams of one kind get equally many bytes, however they send them"
RESTS = "turns: a download that rests is small again, and a slow one stays small"
EARLY = "proxy: with early success an application is connected at once, and an error resets it"

MUTANTS = [
    # --- sphinx/stream/turns ---
    mutant("first-stream-always-first", "sphinx/stream/turns.hpp", "        turn.sent += bytes;\n", "",
           CORE, "streams share a session's packets evenly, whatever they send"),
    mutant("large-streams-before-small-ones", "sphinx/stream/turns.hpp",
           "if (a.kind != b.kind) return a.kind == leading();", "if (a.kind != b.kind) return a.kind != leading();",
           CORE, "turns: an answer of some packets does not wait behind downloads"),
    mutant("small-streams-starve-large-ones", "sphinx/stream/turns.hpp",
           "            ++in_row_;\n", "            in_row_ = 0;\n", CORE, LARGE),
    mutant("large-stream-begins-one-of-eight", "sphinx/stream/turns.hpp", "small_in_row_max = 3;",
           "small_in_row_max = 7;", CORE, LARGE),
    mutant("new-stream-has-sent-nothing", "sphinx/stream/turns.hpp",
           "turn.sent = most(kind);", "turn.sent = 0 * most(kind);", CORE, EQUAL),
    mutant("allowance-never-comes-back", "sphinx/stream/turns.hpp",
           "if (!waits) turn.used -= std::min(turn.used, allowance_back);", "", CORE, RESTS),
    mutant("allowance-comes-back-while-sending", "sphinx/stream/turns.hpp",
           "if (!waits) turn.used -= std::min(turn.used, allowance_back);",
           "turn.used -= std::min(turn.used, allowance_back * 16);", CORE, EQUAL),
    # --- buffers ---
    mutant("buffers-of-nine-seconds-everywhere", "sphinx/stream/mux.cpp", "base::to_seconds(repair) *",
           "std::min(9.0, base::to_seconds(repair)) *", CLIENT_SIMULATION,
           "a transfer has 95 % of what the law leaves for bytes, at 25 to 400 slots a second"),
    # --- early success ---
    mutant("early-success-on-every-port", "client/protocol/early_success.hpp",
           "return when == EarlySuccess::always ||", "return when != EarlySuccess::never ||",
           UNIT, "client.yaml: early_success is one of three words, and decides by the port"),
    mutant("told-early-while-it-waits-for-a-place", "client/apps/application.cpp",
           " && !core_->waits(*stream);", ";",
           SYSTEM, "proxy: a connection that waits for a place is not told early that it is connected"),
    mutant("early-success-without-a-deadline", "client/apps/application.cpp",
           "if (application->accepted) application->deadline = Clock::time_point::max();",
           "application->deadline = Clock::time_point::max();", SYSTEM, EARLY),
    mutant("half-close-before-the-answer-gives-up", "client/apps/application.cpp",
           "if (error && (application->accepted || application->early)) {", "if (error && application->accepted) {",
           SYSTEM, EARLY),
]
