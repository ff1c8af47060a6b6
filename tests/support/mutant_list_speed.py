"""Mutants of speed."""
from mutant_list import CLIENT_SIMULATION, mutant

MUTANTS = [
    # --- buffers ---
    mutant("buffers-of-nine-seconds-everywhere", "sphinx/stream/mux.cpp", "base::to_seconds(repair) *",
           "std::min(9.0, base::to_seconds(repair)) *", CLIENT_SIMULATION,
           "a transfer has 95 % of what the law leaves for bytes, at 25 to 400 slots a second"),
]
