"""Mutants that the chaos of the simulation sees, and those of faults that it has found."""
from mutant_list import CLIENT_SIMULATION, CORE, mutant

FEW_REPLIES = "few replies a minute put an offset right too, once they are enough"
CHAOS = "chaos: something fails every minute, and no byte, slot or session goes wrong"

MUTANTS = [
    mutant("chaos-client-makes-up-lost-slots", "client/core/traffic_law.cpp", "now - slot.due <= slot_late_max)",
           "now - slot.due <= restart_after)", CLIENT_SIMULATION, CHAOS),
    mutant("few-late-replies-forgotten-each-minute", "client/core/reply_clock.cpp",
           "if (error >= late && count_ < enough) return;",
           "if (error >= late && count_ < enough) return least_.reset(), static_cast<void>(count_ = 0);",
           CORE, FEW_REPLIES),
    mutant("few-late-replies-believed", "client/core/reply_clock.cpp",
           "if (error >= late && count_ < enough) return;", "static_cast<void>(enough);", CORE, FEW_REPLIES),
    mutant("late-begin-taken-for-a-clock", "client/core/reply_clock.cpp",
           "if (offset_ >= heard_late || offset_ <= -heard_late) {", "if (offset_ > 1000 * heard_late) {",
           CORE, "an exit that heard of its session late is followed through changes of pace"),
    mutant("missed-ticks-leave-the-offset", "client/core/reply_clock.cpp", "        offset_ = {};\n", "",
           CORE, "an exit whose clock is off is known from its first replies"),
]
