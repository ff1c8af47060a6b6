"""Mutants that whole days of a client show."""
from mutant_list import CORE, mutant

ENDING = "a key that finds only lingering sessions gets none that is about to end"

MUTANTS = [
    mutant("key-shares-a-session-about-to-end", "client/core/session_plan.cpp", "lingers(entry) && entry.since >= least", "lingers(entry)",
           CORE, ENDING),
    mutant("key-shares-the-session-that-lasts-longest", "client/core/session_plan.cpp",
           "std::min(latest, now - parameters_.session_lifetime * 3 / 4)", "latest", CORE, ENDING),
]
