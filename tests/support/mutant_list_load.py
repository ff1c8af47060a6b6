"""Mutants of what keeps a relay in time under load: its workers' intake."""
from mutant_list import SYSTEM, mutant

POOL = "relay/io/unwrap_pool.cpp"
STALE = "unwrap pool: no work is spent on a packet that has waited too long"

MUTANTS = [
    mutant("late-packets-unwrapped-all-the-same", POOL, "if (work.arrived < oldest)", "if (false && work.arrived < oldest)",
           SYSTEM, STALE),
    mutant("stale-packets-counted-twice", "relay/io/unwrap_pool.hpp", "return std::exchange(stale_, 0);", "return stale_;",
           SYSTEM, STALE),
    mutant("worker-woken-for-one-packet", POOL, "if (with_workers_ > 0 || waiting_.size() > few) return dispatch();",
           "return dispatch();", SYSTEM, "unwrap pool: a few packets need no worker"),
    mutant("many-packets-stop-the-io-thread", POOL, "if (with_workers_ > 0 || waiting_.size() > few) return dispatch();",
           "", SYSTEM, "unwrap pool: a few packets need no worker"),
]
