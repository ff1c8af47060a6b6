"""Mutants of what every process needs: waiting, accepting connections, control sockets."""
from mutant_list import SYSTEM, UNIT, mutant  # noqa: F401

MUTANTS = [
    # --- sphinx/node/process/event ---
    mutant("event-forgets-an-early-set", "sphinx/node/process/event.cpp", "    if (!set_) {\n",
           "    set_ = false;\n    if (!set_) {\n", UNIT,
           "event: a set before the wait is not lost, and wakes one wait only"),
    mutant("cancelled-wait-counts-as-set", "sphinx/node/process/event.cpp",
           "if (error && !set_) throw boost::system::system_error{error};", "if (error) set_ = true;", UNIT,
           "event: a cancelled wait ends as Asio's operations do; a set that came first wins"),
]
