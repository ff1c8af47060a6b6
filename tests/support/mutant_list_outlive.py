"""Mutants of interruptions and of streams that outlive their session."""
from mutant_list import CLIENT_SIMULATION, CORE, mutant

INTERRUPTED = "streams go on after the link was cut for up to two minutes"

MUTANTS = [
    # --- interruptions ---
    mutant("interruption-of-half-a-minute-ends-streams", "client/core/core_impl.hpp",
           "resume_within{120}", "resume_within{29}", CLIENT_SIMULATION, INTERRUPTED),
    mutant("exit-forgets-while-the-client-may-come-back", "relay/core/exit_sessions.hpp",
           "base::Seconds frozen{130};", "base::Seconds frozen{60};", CLIENT_SIMULATION, INTERRUPTED),
    mutant("closed-session-kept-like-a-frozen-one", "relay/core/exit_sessions.cpp",
           "(ticks ? limits.frozen : limits.silence))", "(limits.frozen))",
           CORE, "a session that falls silent ends, and its streams with it"),
    mutant("frozen-session-keeps-memory-from-live-ones", "relay/core/exit_sessions.cpp",
           "return std::tuple{frozen(*entry.second), ", "return std::tuple{false, ",
           CORE, "a frozen session keeps nothing from the others: it ends first, however little it holds"),
    mutant("live-session-ends-for-a-connection", "relay/core/exit_sessions.cpp",
           "if (!impl_->frozen(longest)) return std::nullopt;", "",
           CORE, "a frozen session keeps nothing from the others: it ends first, however little it holds"),
]
