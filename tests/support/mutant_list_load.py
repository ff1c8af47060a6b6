"""Mutants of what keeps a relay in time under load: its workers' intake, and the making of replay filters."""
from mutant_list import SYSTEM, mutant

POOL = "relay/io/unwrap_pool.cpp"
STORE = "relay/keys/key_store.cpp"
FILTER = "relay/keys/stored_filter.cpp"
STALE = "unwrap pool: no work is spent on a packet that has waited too long"
UNMAPPED = "key store: a filter that could not be mapped leaves no file and stops no later one"
PAID = "key store: what a fast relay's filter costs is not paid by the caller's thread"

MUTANTS = [
    mutant("late-packets-unwrapped-all-the-same", POOL, "if (work.arrived < oldest)", "if (false && work.arrived < oldest)",
           SYSTEM, STALE),
    mutant("stale-packets-counted-twice", "relay/io/unwrap_pool.hpp", "return std::exchange(stale_, 0);", "return stale_;",
           SYSTEM, STALE),
    mutant("worker-woken-for-one-packet", POOL, "if (with_workers_ > 0 || waiting_.size() > few) return dispatch();",
           "return dispatch();", SYSTEM, "unwrap pool: a few packets need no worker"),
    mutant("many-packets-stop-the-io-thread", POOL, "if (with_workers_ > 0 || waiting_.size() > few) return dispatch();",
           "", SYSTEM, "unwrap pool: a few packets need no worker"),
    mutant("filter-made-when-it-is-asked-for", STORE, "spare_ = filter_thread_->run(", "spare_ = std::async(std::launch::deferred,",
           SYSTEM, PAID),
    mutant("filter-overwritten-by-the-caller", STORE,
           "    wiping_.push_back(filter_thread_->run([fd = std::move(fd), file] { overwrite(fd, file); }));",
           "    overwrite(fd, file);", SYSTEM, PAID),
    mutant("ended-filter-not-overwritten", STORE,
           "    wiping_.push_back(filter_thread_->run([fd = std::move(fd), file] { overwrite(fd, file); }));", "",
           SYSTEM, "key store: wiping overwrites before it removes"),
    mutant("spare-filter-outlives-its-store", STORE, "    if (spare_.valid()) ::unlink(spare_file().c_str());\n", "",
           SYSTEM, "key store: a spare filter ends with its store"),
    mutant("killed-process's-spare-filter-stays", STORE, "    remove_file(spare_file());", "    //", SYSTEM,
           "key store: a spare filter ends with its store"),
    mutant("failed-filter-stops-the-next", FILTER,
           "    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, \"cannot be removed\");\n    try {", "    try {",
           SYSTEM, UNMAPPED),
    mutant("filter-that-cannot-be-mapped-stays", FILTER, "        ::unlink(file.c_str());\n        throw;", "        throw;",
           SYSTEM, UNMAPPED),
    mutant("filter-of-the-next-key-not-made-ahead", "relay/keys/epoch_keys.cpp",
           "directory::epoch_at(now.wall + prepare_ahead, epoch_length_)", "directory::epoch_at(now.wall, epoch_length_)", SYSTEM,
           "epoch keys: the next filter is made shortly before its key, on another thread"),
]
