"""Mutants of what a relay keeps after its use: freed memory, kept cells, who connected, and what `disclose` lists."""
from mutant_list import PROGRAMS, CORE, mutant

HEAP = "sphinx/base/wiping_memory.cpp"
FILES = "relay/operation/disclosed_files.cpp"
DISCLOSE = "tests/system/disclose_test.py"

MUTANTS = [
    mutant("asio-keeps-what-ended", "sphinx/node/process/CMakeLists.txt", "CACHE_SIZE=0", "CACHE_SIZE=2", "tests/unit/heap_tests",
           "relay's heap: a coroutine that has ended leaves nothing of its frame"),
    mutant("asio-frees-by-itself", "sphinx/node/process/CMakeLists.txt", "    PUBLIC BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN\n",
           "    PUBLIC\n", "tests/unit/heap_tests", "relay's heap: a handler that was called leaves nothing of what it held"),
    mutant("freed-bytes-stay", HEAP, "    ::explicit_bzero(memory, ::malloc_usable_size(memory));\n", "", CORE,
           "wiping memory: what was freed is not in a core"),
    mutant("grown-bytes-stay", HEAP, "std::min(size, ::malloc_usable_size(memory)));\n    wiping_free(memory);",
           "std::min(size, ::malloc_usable_size(memory)));\n    std::free(memory);", CORE,
           "wiping memory: what grows or shrinks keeps its bytes, and leaves none behind"),
    mutant("kept-cell-holds-its-packet", "sphinx/cell/cell.cpp", "    ::explicit_bzero(memory, sizeof(Cell));", "    //", CORE,
           "a cell that is kept for the next holds no packet"),
    mutant("who-connected-is-kept", "sphinx/base/prefix_rates.cpp", "if (used(cell, now) == 0) cell = {};",
           "if (used(cell, now) == 0) cell.used = 0;", CORE,
           "prefix rates: who connected is forgotten when the rate is full again"),
    mutant("emptied-vector-keeps-its-bytes", "sphinx/base/wiping_memory.hpp", "    if (size > 0) ::explicit_bzero(place, size);\n",
           "    (void)place, (void)size;\n", CORE, "wiping memory: an emptied vector keeps its room and none of its bytes"),
    mutant("table-keeps-a-removed-key", "sphinx/base/wiping_memory.hpp",
           "    ::explicit_bzero(place, sizeof(typename Map::value_type));", "    (void)place;", CORE,
           "wiping memory: a table keeps no key that was removed"),
    mutant("stack-keeps-what-calls-left", HEAP, "    ::explicit_bzero(below.data(), below.size());",
           "    ::explicit_bzero(below.data(), 64);", CORE,
           "wiping memory: calls that have returned leave nothing on the stack"),
    mutant("next-relays-kept-until-the-next-tick", "relay/core/pipeline.cpp",
           "long after.\n    base::clear_and_wipe(released_);", "long after.", CORE,
           "pipeline: between two ticks nothing is kept of what has left"),
    mutant("unknown-file-not-listed", FILES, "            paths.insert(plain(at->path()));", "            (void)at;", DISCLOSE,
           "Disclose.test_every_file_is_listed_and_an_added_one_is_unknown", PROGRAMS),
    mutant("exact-numbers-disclosed", "relay/operation/disclosure.cpp", "    if (exact) return count;",
           "    if (exact || count < 3) return count;", DISCLOSE,
           "Disclose.test_outside_a_lab_no_number_follows_the_traffic", PROGRAMS),
    mutant("a-table-is-not-listed", "relay/io/engine.cpp", "    if (exit) exit->list_holdings(out);\n", "", DISCLOSE,
           "Disclose.test_the_document_has_every_table", PROGRAMS),
]
