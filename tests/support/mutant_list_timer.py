"""Mutants of the sender's timer: the thread that writes a client's cells at the times of their slots."""
from mutant_list import CORE, SYSTEM, mutant

WRITER = "sphinx/node/link/timed_writer.cpp"
LINK = "sphinx/node/link/link.cpp"
LAW = "client/core/traffic_law.cpp"

MUTANTS = [
    # --- sphinx/node/link/timed_writer ---
    mutant("record-before-its-time", WRITER, "const auto due = records_.front().due;",
           "const auto due = records_.front().due - std::chrono::milliseconds{5};", SYSTEM,
           "timed writer: each record leaves at its time and never before, in order"),
    mutant("late-record-overtakes", WRITER, "records_.push_back({std::move(bytes), due});",
           "records_.push_front({std::move(bytes), due});", SYSTEM,
           "timed writer: a record whose time has passed leaves at once, behind the earlier ones"),
    mutant("detached-writer-keeps-its-records", WRITER,
           "    records_.clear();\n    written_ = 0;\n    socket_ = -1;\n    return all;",
           "    socket_ = -1;\n    return all;", SYSTEM,
           "timed writer: nothing is written after detach, and the end of the thread is at once"),
    mutant("writer-ends-at-its-record's-time", WRITER, "while (!ends_) {", "while (!ends_ || !records_.empty()) {",
           SYSTEM,
           "timed writer: nothing is written after detach, and the end of the thread is at once"),
    mutant("full-socket-counts-as-broken", WRITER, "if (errno == EAGAIN || errno == EWOULDBLOCK) return false;", "",
           SYSTEM, "timed writer: a full socket delays records, and takes none away"),
    mutant("half-a-record-is-enough", WRITER, "written_ += static_cast<std::size_t>(sent);", "written_ = bytes.size();",
           SYSTEM, "timed writer: a full socket delays records, and takes none away"),
    # --- sphinx/node/link/link ---
    mutant("key-update-past-the-writer", LINK, "if (writer != nullptr) return give_output(now());", "", SYSTEM,
           "a link with a writer renews its key in the order of its records"),
    mutant("close-notify-behind-a-record-that-never-leaves", LINK, "leave_writer() && tls.write_close()",
           "(leave_writer(), true) && tls.write_close()", SYSTEM,
           "a link with a writer: what is not written when it closes never leaves"),
    mutant("no-bound-on-what-waits-for-the-writer", LINK, "if (ended || writer->waiting() >= limits.send_queue)",
           "if (ended)", SYSTEM, "a link with a writer refuses a cell when too many wait"),
    # --- client/core/traffic_law ---
    mutant("packet-without-its-slot's-time", LAW, "            packet.due = slot.due;\n", "", CORE,
           "packets are handed out ahead of their slots, with the slots' times"),
    mutant("packets-not-handed-out-ahead", LAW, "ready_.front().slot.due <= now + ahead",
           "ready_.front().slot.due <= now", CORE,
           "packets are handed out ahead of their slots, with the slots' times"),
]
