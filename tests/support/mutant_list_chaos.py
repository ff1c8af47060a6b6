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
]
