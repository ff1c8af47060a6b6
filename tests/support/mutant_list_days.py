"""Mutants that whole days of a client show."""
from mutant_list import CLIENT_SIMULATION, CORE, mutant

DAYS = "whole days: every byte is exact, silent connections last, and nothing grows"
ENDING = "a key that finds only lingering sessions gets none that is about to end"

MUTANTS = [
    mutant("keys-kept-for-days", "client/core/isolation.cpp", "now - entry.second.used > forget_key_after",
           "now - entry.second.used > 200 * forget_key_after", CLIENT_SIMULATION, DAYS),
    mutant("key-shares-a-session-about-to-end", "client/core/session_plan.cpp", "lingers(entry) && entry.since >= least",
           "lingers(entry) && entry.since + 2 * parameters_.session_lifetime >= least", CORE, ENDING),
    mutant("key-shares-the-session-that-lasts-longest", "client/core/session_plan.cpp",
           "std::min(latest, now - parameters_.session_lifetime * 3 / 4)",
           "std::max(latest, now - parameters_.session_lifetime * 3 / 4)", CORE, ENDING),
]
