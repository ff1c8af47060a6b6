"""Mutants of what the laboratory attributes to sessions and exits."""
from mutant_list import PRIVACY, mutant

CROWD = "tests/lab/attacks/crowd.cpp"
TOTALS = "tests/lab/attacks/exit_totals.cpp"
BEAT = "tests/lab/measure/beat.cpp"
REPLIES = "flows: an exit that has two sessions of one client knows the replies of each"
KEPT = "exit totals: a handover at which the client keeps its exit is no change of exits"

MUTANTS = [
    mutant("replies-of-any-session-of-the-client", CROWD, "const auto session = surb->second;",
           "const auto session = std::find_if(sessions.begin(), sessions.end(), [&](const auto& known) {\n"
           "        return known.second.client == client;\n    })->first;", PRIVACY, REPLIES),
    mutant("every-handover-changes-the-exit", TOTALS, "if (events[i].exit != events[i - 1].exit)", "if (i > 0)", PRIVACY, KEPT),
    mutant("handover-after-a-change-counts-as-kept", TOTALS, "events[i].what = What::after;", "events[i].what = What::stays;",
           PRIVACY, KEPT),
    mutant("beat-without-the-paces-of-trials", BEAT, "{whole_milli, whole_milli / 10 * 9}", "{whole_milli, whole_milli}", PRIVACY,
           "beat: where all sessions change paces and phases, the exit that gets one more is found"),
    mutant("beat-of-whole-milliseconds", BEAT, "(begin + i * size) / count + wide", "begin / count + i * (size / count) + wide",
           PRIVACY, "beat: a session that begins is found although cover keeps the exit's total"),
    mutant("beat-of-the-whole-pace-alone", BEAT, "places{9, 6, 3}", "places{9, 9, 9}", PRIVACY,
           "beat: a session that ends is found by the train that falls, whichever pace it had"),
    mutant("cells-on-the-beat-of-one-window", BEAT, "(cells_after - cells_before)", "cells_after", PRIVACY,
           "beat: a session that begins is found although cover keeps the exit's total"),
]
