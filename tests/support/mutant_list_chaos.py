"""Mutants that the chaos of the simulation sees: what a stall of a process must not do to its cells."""
from mutant_list import CLIENT_SIMULATION, mutant

CHAOS = "chaos: something fails every minute, and no byte, slot or session goes wrong"

MUTANTS = [
    mutant("chaos-client-makes-up-lost-slots", "client/core/traffic_law.cpp", "now - slot.due <= slot_late_max)",
           "now - slot.due <= restart_after)", CLIENT_SIMULATION, CHAOS),
]
