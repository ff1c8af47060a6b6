"""Mutants of the laboratory's scores of whole sessions: a weak score must fail its test."""
from mutant_list import PRIVACY, mutant

MUTANTS = [
    mutant("segments-cut-off-at-their-ends", "tests/lab/sessions/spectral_score.cpp",
           "return 0.5 - 0.5 * std::cos(std::numbers::pi * inside);", "return 1 + 0 * inside;",
           PRIVACY, "the score finds what the estimate of the best linear score says can be found"),
    mutant("sessions-of-one-client-rise-together", "tests/lab/sessions/spectral_score.cpp",
           "const auto cross = -std::sqrt(share_a * share_b) * passed;",
           "const auto cross = std::sqrt(share_a * share_b) * passed;",
           PRIVACY, "two exits see that each slot's session is drawn for itself"),
]
