"""Mutants of what every process needs: waiting, accepting connections, control sockets."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

CONTROL = "sphinx/node/process/control_socket.cpp"
SANDBOX = "sphinx/node/process/sandbox.cpp"
TEXT_FILE = "sphinx/node/files/text_file.cpp"

MUTANTS = [
    # --- sphinx/node/files/text_file ---
    mutant("text-file-ends-at-its-bound", TEXT_FILE, "std::string text(size_max + 1, '\\0');", "std::string text(size_max, '\\0');", UNIT,
           "text file: a file comes whole, and one byte more than the bound at most"),
    mutant("text-file-reads-anything", TEXT_FILE, "if (!S_ISREG(status.st_mode))", "if (S_ISDIR(status.st_mode) && !S_ISDIR(status.st_mode))", UNIT,
           "text file: what is no regular file is refused, and nothing waits for it"),
    # --- sphinx/node/process/host_addresses ---
    mutant("names-asked-for-by-a-process-with-keys", "sphinx/node/process/host_addresses.cpp", "if (!asks)", "if (false)", UNIT,
           "host addresses: what was found is remembered, and a process with keys asks no more"),
    # --- sphinx/node/process/event ---
    mutant("event-forgets-an-early-set", "sphinx/node/process/event.cpp", "    if (!set_) {\n",
           "    set_ = false;\n    if (!set_) {\n", UNIT,
           "event: a set before the wait is not lost, and wakes one wait only"),
    mutant("cancelled-wait-counts-as-set", "sphinx/node/process/event.cpp",
           "if (error && !set_) throw boost::system::system_error{error};", "if (error) set_ = true;", UNIT,
           "event: a cancelled wait ends as Asio's operations do; a set that came first wins"),
    # --- sphinx/node/process/sandbox ---
    mutant("any-file-read", SANDBOX, "    rules.enforce();\n", "", SYSTEM,
           "sandbox: only the named files can be read, and only the named folders written"),
    mutant("shown-folder-writable", SANDBOX, "    for (const auto& path : options.read)\n        rules.allow(path, read_folder);",
           "    for (const auto& path : options.read)\n        rules.allow(path, write_folder);", SYSTEM,
           "sandbox: only the named files can be read, and only the named folders written"),
    mutant("weak-random-numbers-for-names", SANDBOX, '"/dev/urandom",\n', "", SYSTEM,
           "sandbox: only the named files can be read, and only the named folders written"),
    mutant("no-control-socket", SANDBOX, "LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK",
           "LANDLOCK_ACCESS_FS_MAKE_REG", SYSTEM, "sandbox: a control socket can be made in the own folder, and used"),
    mutant("programs-start", SANDBOX, "add(filter, SCMP_ACT_KILL_PROCESS, name);", "add(filter, SCMP_ACT_LOG, name);", SYSTEM,
           "sandbox: what only an attacker calls kills the process"),
    mutant("processes-start", SANDBOX, "scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}",
           "scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, 0, 0}", SYSTEM, "sandbox: threads start, processes do not"),
    mutant("any-netlink", SANDBOX, "equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)",
           "equals(0, AF_NETLINK)", SYSTEM, "sandbox: only the sockets that a daemon needs"),
    mutant("terminal-typed-into", SANDBOX, "FIONBIO, FIONREAD, FIOCLEX,", "FIONBIO, FIONREAD, FIOCLEX, TIOCSTI,", SYSTEM,
           "sandbox: nothing can be typed into the terminal"),
    # --- sphinx/node/process/accept_loop ---
    mutant("one-connection-too-many", "sphinx/node/process/accept_loop.hpp", "if (!error && open < limits.connections)",
           "if (!error && open <= limits.connections)", SYSTEM,
           "accept loop: one connection too many is closed at once, until one has ended"),
    mutant("one-connection-without-memory-ends-the-loop", "sphinx/node/process/accept_loop.hpp",
           "                exhausted = true;", "                throw;", SYSTEM,
           "accept loop, faults 51: without memory for a connection it closes that one and goes on"),
    mutant("no-word-about-missing-randomness", "sphinx/node/process/process.cpp",
           "    sodium_set_misuse_handler(say_no_randomness);\n", "    (void)say_no_randomness;\n",
           "tests/system/faults_random_test.py", "NoRandom.test_no_source", PROGRAMS),
    mutant("without-memory-destructors-run-under-tasks", "relay/daemon.cpp",
           'std::fprintf(stderr, "nightjar-relay: stopped: %s\\n", error.what());', "throw;",
           "tests/system/faults_memory_test.py", "NoMemory.test_a_relay_without_memory", PROGRAMS),
    mutant("busy-loop-without-descriptors", "sphinx/node/process/accept_loop.hpp",
           "pause.expires_after(limits.pause);", "", SYSTEM,
           "without descriptors the listener waits, and serves again when there are some"),
    # --- sphinx/node/process/control_socket ---
    mutant("answer-goes-on-without-its-asker", CONTROL, "if (!error) tasks.cancel(task);",
           "if (error) tasks.cancel(task);", SYSTEM,
           "control socket: an asker that leaves ends its answer; one that stops sending does not"),
    mutant("slow-answer-runs-out-of-the-request's-time", CONTROL, "    deadline.reset();\n", "", SYSTEM,
           "control socket: a request must come in time, and a slow answer has its own time"),
    mutant("file-replaced-by-a-control-socket", "sphinx/node/process/socket_file.cpp", " || !S_ISSOCK(status.st_mode)", "", SYSTEM,
           "control socket: takes the place of a dead one, never of a live one or of a file"),
    mutant("control-socket-open-to-the-group", CONTROL, "::chmod(path_.c_str(), 0600)",
           "::chmod(path_.c_str(), 0660)", SYSTEM,
           "control socket: replaces the socket of a dead process, and no other file"),
    mutant("another-user-gets-an-answer", CONTROL, "if (!is_own_user(socket.native_handle())) return;",
           "is_own_user(socket.native_handle());", SYSTEM, "control socket: another user gets no answer"),
]
