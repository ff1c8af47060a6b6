"""Mutants of replay filters that grow: when a part is made and named, what a crash leaves, and what is said of it."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

FILTER = "relay/core/replay_filter.cpp"
STORED = "relay/keys/stored_filter.cpp"
STORE = "relay/keys/key_store.cpp"
CHAIN = "replay filter: a chain refuses every tag that any of its parts holds"
SIZES = "replay filter: it starts small, and no chain is longer than five parts"
CRASH = "growing filter: a crash at any step of its growth forgets no tag"
IN_TIME = "replay filter: the next part is asked for in time, and taken when it is needed"
NO_ROOM = "growing filter: without room for the next part it says so, forgets nothing, and tries again"
WIPED = "growing filter: all parts are overwritten before they go"

MUTANTS = [
    mutant("only-the-last-part-asked", FILTER,
           "        if (line_holds(part, 0) && line_holds(part, 1)) return false;", "        if (false && line_holds(part, 0)) return false;",
           CORE, CHAIN),
    mutant("one-line-of-an-earlier-part-decides", FILTER, "if (line_holds(part, 0) && line_holds(part, 1))", "if (line_holds(part, 0))",
           CORE, CHAIN),
    mutant("first-part-for-everything", FILTER,
           "return std::min(all, std::max(first_least, whole_lines(all / firsts_in_all)));", "return all + 0 * firsts_in_all * first_least;",
           CORE, SIZES),
    mutant("part-of-one-line", FILTER, "const auto least = all / firsts_in_all;", "const auto least = all * 0;", CORE,
           "replay filter: no part is so small that it is full at once, whatever the rate was before"),
    mutant("chain-without-a-bound", FILTER, "if (sizes.size() >= parts_max || held + least >= 2 * all) return 0;",
           "if (sizes.size() >= 2 * parts_max || held >= 3 * all) return 0;", CORE, SIZES),
    mutant("part-asked-for-when-it-is-needed", FILTER, "watch_at_ = ask_at_ = std::max(tags, load - load / ask_every);",
           "watch_at_ = ask_at_ = std::max(tags, load);", CORE, IN_TIME),
    mutant("part-used-before-the-last-is-full", FILTER, "const bool at_load = last.tags >= last.load();", "const bool at_load = true;",
           CORE, IN_TIME),
    mutant("late-part-asked-for-once", FILTER, "    if (last.tags >= ask_at_) {", "    if (last.tags == ask_at_ && last.tags < last.load()) {",
           CORE, "replay filter: a part that comes late loses nothing, and is asked for again"),
    mutant("tags-of-a-part-miscounted", FILTER, "/ (lines_of_tag * probes)", "/ probes", CORE,
           "replay filter: the bits of a part tell about how many tags it holds"),
    mutant("full-filter-not-told", "relay/core/keyring.cpp", "seen.tags() >= packets || seen.overfull()", "seen.tags() > packets",
           CORE, "keyring: it knows when a filter is full, or takes more than it is made for"),
    mutant("restart-forgets-later-parts", STORE, "for (std::size_t i = 0; i < count; ++i)\n        parts.push_back",
           "for (std::size_t i = 0; i < std::min<std::size_t>(count, 1); ++i)\n        parts.push_back", SYSTEM, CRASH),
    mutant("restart-counts-no-tags", STORED, "bytes.size() / line_size * tags_of_line : tags_in(bytes);",
           "bytes.size() / line_size * tags_of_line : 0;", SYSTEM, CRASH),
    mutant("part-in-the-making-stays-after-a-crash", STORE, "    for (const auto& path : growing)\n        remove_file(path);\n", "",
           SYSTEM, CRASH),
    mutant("bits-of-a-new-part-counted", STORED, "    if (fresh) return 0;\n", "    static_cast<void>(fresh);\n", SYSTEM,
           "key store: what a fast relay's filter costs is not paid by the caller's thread"),
    mutant("gap-between-parts-accepted", STORE, "    if (std::any_of(gap, part_extensions.end(), is_there)) return 0;\n", "",
           SYSTEM, "growing filter: a key is not used again if a part of what it has seen is missing"),
    mutant("only-the-first-part-wiped", STORE, "    for (const auto* extension : part_extensions)\n        wipe_later(file(epoch, extension));",
           "    wipe_later(file(epoch, part_extensions[0]));", SYSTEM, WIPED),
    mutant("failed-growth-not-told", STORED, "        thread_->growth_failed = std::current_exception();\n", "", SYSTEM, NO_ROOM),
    mutant("part-in-the-making-outlives-its-key", STORED, "        if (next.valid()) ::unlink(file.c_str());\n", "", SYSTEM,
           "growing filter: a part in the making ends with its key"),
    mutant("default-rate-without-the-document", "relay/operation/startup.cpp", "rate *= static_cast<double>(gateways)", "rate *= 1 + 0 * static_cast<double>(gateways)",
           UNIT, "relay start: the replay filters are made for what the document lets pass, or as configured"),
]
