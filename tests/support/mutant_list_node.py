"""Mutants of what every process needs: waiting, accepting connections, control sockets."""
from mutant_list import SYSTEM, UNIT, mutant

MUTANTS = [
    # --- sphinx/node/process/event ---
    mutant("event-forgets-an-early-set", "sphinx/node/process/event.cpp", "    if (!set_) {\n",
           "    set_ = false;\n    if (!set_) {\n", UNIT,
           "event: a set before the wait is not lost, and wakes one wait only"),
    mutant("cancelled-wait-counts-as-set", "sphinx/node/process/event.cpp",
           "if (error && !set_) throw boost::system::system_error{error};", "if (error) set_ = true;", UNIT,
           "event: a cancelled wait ends as Asio's operations do; a set that came first wins"),
    # --- sphinx/node/process/accept_loop ---
    mutant("one-connection-too-many", "sphinx/node/process/accept_loop.hpp", "if (open < limits.connections)",
           "if (open <= limits.connections)", SYSTEM,
           "accept loop: one connection too many is closed at once, until one has ended"),
    mutant("busy-loop-without-descriptors", "sphinx/node/process/accept_loop.hpp",
           "pause.expires_after(limits.pause);", "", SYSTEM,
           "without descriptors the listener waits, and serves again when there are some"),
]
