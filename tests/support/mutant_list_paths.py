"""Mutants of what a link does on a path that drops large packets, and a file on a disk that fails. See mutant_list.py."""
from mutant_list import SYSTEM, mutant

DIALER = "sphinx/node/link/dialer.cpp"
HANDSHAKES = "a dialer asks for small segments after an end that a path without large packets makes"
FILES = "sphinx/node/files/atomic_file.cpp"
EIO = "faults 49: a file on a disk that gives EIO stays as it was, and nothing is beside it"

MUTANTS = [
    mutant("handshake-in-a-black-hole-forever", DIALER, "if (dialed.error() == LinkError::timed_out) change_segments(address);", "",
           SYSTEM, HANDSHAKES),
    mutant("segments-stay-small", DIALER, "if (small_.erase(address) == 0) small_.insert(address);", "small_.insert(address);",
           SYSTEM, HANDSHAKES),
    mutant("segments-of-all-addresses", DIALER, "small_.contains(address) ? small_segment : 0", "!small_.empty() ? small_segment : 0",
           SYSTEM, "a dialer asks for small segments at each address by itself"),
    mutant("segments-not-asked-for", "sphinx/node/link/link_handshake.cpp",
           "if (segment > 0) ask_for_segments(*link, address, segment);",
           "if (segment < 0) ask_for_segments(*link, address, segment);", SYSTEM, HANDSHAKES),
    mutant("link-in-a-black-hole-forever", DIALER, "if (lived < proven || why == LinkError::stuck || why == LinkError::silent)\n                change_segments(address);", "",
           SYSTEM, "a dialer changes its segments after a link that ended soon"),
    mutant("sync-that-failed-is-ignored", FILES, "if (durability == Durability::disk && ::fsync(fd.get()) != 0) fail(file);",
           "if (durability == Durability::disk) ::fsync(fd.get());", SYSTEM, EIO),
    mutant("temporary-file-stays", FILES, "::unlink(name.c_str());", "", SYSTEM, EIO),
]
