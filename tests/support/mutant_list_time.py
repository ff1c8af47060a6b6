"""Mutants of the time by which a relay makes and wipes its keys."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

GUARD = "sphinx/node/process/clock_guard.cpp"
KEYS = "relay/keys/epoch_keys.cpp"
BACK = "faults 27: a clock that is set back makes no key live longer than 15 minutes more"
WIPED = "epoch keys: an ended key that could not be wiped is tried again, and stops no other"
ONE_READING = "faults 27: one wrong reading of the clock wipes no key"

MUTANTS = [
    mutant("every-step-is-followed", GUARD, "jumped_ = differ(difference, believed_);", "jumped_ = false;",
           UNIT, "clock guard: a step of a minute is followed at once, a longer one is a jump"),
    mutant("jump-believed-at-once", GUARD, "if (now.boot - since_ >= stands_after) believe();",
           "if (now.boot - since_ >= base::Seconds{5}) believe();",
           UNIT, "clock guard: what has stood for ten minutes is believed, and nothing sooner"),
    mutant("restless-clock-believed", GUARD, "        since_ = now.boot;\n", "",
           UNIT, "clock guard: a clock that is set again and again is not believed"),
    mutant("small-steps-add-up", GUARD, "    if (now.boot - since_ >= stands_after) believe();",
           "    if (now.boot - since_ >= stands_after || !differ(difference, believed_)) believe();",
           UNIT, "clock guard: small steps move it by no more than a minute in ten minutes"),
    mutant("operator-is-not-heard", GUARD, "if (jumped_) believe();", "",
           UNIT, "clock guard: the operator's word counts at once"),
    mutant("keys-wiped-in-a-jump", KEYS, "    if (!now.jumped)\n        for (const auto gone",
           "    if (now.jumped || !now.jumped)\n        for (const auto gone",
           SYSTEM, "epoch keys: in a jump nothing is wiped before its bound"),
    mutant("life-not-bounded-by-boot-time", KEYS, "if (now.boot < record_.ends.at(epoch) + overrun_max) continue;",
           "continue;", SYSTEM, BACK),
    mutant("key-that-could-not-be-wiped-forgotten", KEYS, "    store_.wipe(epoch);\n    record_.ends.erase(epoch);\n    to_wipe_.erase(epoch);",
           "    record_.ends.erase(epoch);\n    to_wipe_.erase(epoch);\n    store_.wipe(epoch);", SYSTEM, WIPED),
    mutant("key-that-cannot-be-wiped-stops-the-others", KEYS, "            if (!error) error = std::current_exception();",
           "            return std::current_exception();", SYSTEM, WIPED),
    mutant("key-that-cannot-be-wiped-stops-the-next", KEYS, "    const auto error = wipe_ended();\n",
           "    const auto error = wipe_ended();\n    if (error) std::rethrow_exception(error);\n", SYSTEM, WIPED),
    mutant("restart-forgets-the-bound", KEYS, "if (stored.fresh || !record_.ends.contains(epoch)) {", "{",
           SYSTEM, BACK),
    mutant("restart-believes-the-clock", "relay/keys/clock_record.cpp",
           "record.difference = base::Milliseconds{ms};", ";",
           SYSTEM, "faults 27: a relay that starts while the clock is wrong keeps its keys"),
    mutant("jump-is-no-state", "relay/daemon.cpp", "    if (clock_.jumped()) return core::State::clock_jumped;\n", "",
           "tests/system/faults_clock_test.py",
           "Clock.test_a_clock_that_has_jumped_by_three_hours_is_a_state_until_it_is_confirmed", PROGRAMS),
]
