"""Mutants of what the laboratory attributes to sessions and exits."""
from mutant_list import PRIVACY, mutant

CROWD = "tests/lab/attacks/crowd.cpp"
TOTALS = "tests/lab/attacks/exit_totals.cpp"
REPLIES = "flows: an exit that has two sessions of one client knows the replies of each"
KEPT = "exit totals: a handover at which the client keeps its exit is no change of exits"

MUTANTS = [
    mutant("replies-of-any-session-of-the-client", CROWD, "const auto session = surb->second;",
           "const auto session = std::find_if(sessions.begin(), sessions.end(), [&](const auto& known) {\n"
           "        return known.second.client == client;\n    })->first;", PRIVACY, REPLIES),
    mutant("every-handover-changes-the-exit", TOTALS, "if (events[i].exit != events[i - 1].exit)", "if (i > 0)", PRIVACY, KEPT),
    mutant("handover-after-a-change-counts-as-kept", TOTALS, "events[i].what = What::after;", "events[i].what = What::stays;",
           PRIVACY, KEPT),
]
