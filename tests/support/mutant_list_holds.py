"""Mutants of the laboratory's scores for a gateway that holds its client's packets."""
from mutant_list import PRIVACY, mutant

HOLDS = "tests/lab/sessions/held_uplinks.cpp"
SHOWN = "holds: one of a second shows at the exit and to the client's loops"
HIDDEN = "holds: where the gate hides them, the exit finds none"
SURE = "holds: a client is sure later, the less its loops show and the slower they come"

MUTANTS = [
    mutant("holds-that-hold-nothing", HOLDS, "if (left > 0) cell.held_back = base::from_seconds(left);",
           "static_cast<void>(left), static_cast<void>(cell);", PRIVACY, SHOWN),
    mutant("loops-show-holds-without-a-limit", HOLDS, "const auto limit = quiet.at(false_ones);",
           "const auto limit = quiet.back() - 1 + 0.0 * static_cast<double>(false_ones);", PRIVACY, HIDDEN),
    mutant("stalls-of-the-line-are-forgotten", HOLDS, "std::exp(-(1 + seen) * every / honest_stall_every);",
           "std::exp(-1e-9 * (1 + seen) * every / honest_stall_every);", PRIVACY, SURE),
]
