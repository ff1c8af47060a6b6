"""Mutants of what an operator sees: logs with bounds, what `disclose` prints. See mutant_list.py."""
from mutant_list import CORE, UNIT, mutant

BOUNDS = "sphinx/base/log_bounds.cpp"
THOUSAND = "log: a thousand lines of one call leave thirty and their number"

MUTANTS = [
    mutant("log-without-bounds", "sphinx/node/process/log.cpp",
           "if (limit.take({place.file_name(), place.line()}, message, now)) write(level, message);",
           "limit.take({place.file_name(), place.line()}, message, now), write(level, message);", UNIT, THOUSAND),
    mutant("one-bound-for-all-places", "sphinx/node/process/log.cpp", "{place.file_name(), place.line()}", "{place.file_name(), 0}",
           UNIT, THOUSAND),
    mutant("left-out-lines-not-said", "sphinx/node/process/log.cpp", "write(limit.rest());", "limit.rest();", UNIT, THOUSAND),
    mutant("left-out-lines-said-at-once", BOUNDS, "if (bucket.lines == 0) continue;", "", UNIT,
           "log: what was left out is counted, and said once"),
    mutant("count-of-lines-is-free", BOUNDS, "--bucket.lines;\n", "\n", UNIT, "log: what was left out is counted, and said once"),
    mutant("bugs-said-at-once", BOUNDS, "if (running == place_) return std::nullopt;", "", CORE,
           "bug count: bugs are counted by task, and said at the end of a window"),
    mutant("names-of-bugs-without-bounds", BOUNDS, "tasks_.size() < tasks_max || tasks_.contains(task)", "true", CORE,
           "bug count: tasks beyond its bound share one name"),
    mutant("disclosed-address-without-brackets", "relay/operation/disclosure.cpp", "listen.push_back(directory::to_text(at));",
           "listen.push_back(at.host + \":\" + std::to_string(at.port));", UNIT,
           "disclose: an address of IPv6 has its brackets, with its port behind them"),
]
