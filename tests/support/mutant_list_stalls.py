"""Mutants of the laboratory's score for lines that stall."""
from mutant_list import PRIVACY, mutant

STALLS = "tests/lab/sessions/stalls.cpp"
FINDS = "stalls: a far end that pauses, or has a burst, is its line's"
NOTHING = "stalls: a far end that does not follow belongs to no line"

MUTANTS = [
    mutant("stalls-learned-from-the-scored", STALLS, "learned[(i + 1) % 2]", "learned[i % 2]", PRIVACY, NOTHING),
    mutant("stalls-response-that-is-not-learned", STALLS, "to_half[k] += own[k];", "to_half[k] += 1;", PRIVACY, FINDS),
]
