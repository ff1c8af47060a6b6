// What a daemon may still do once it has started. A fault in a parser must not give its attacker
// the rest of the machine: after enter_sandbox() the process starts no program, attaches to no
// other one, opens no kind of socket but those it needs, and sees no files but its own.
//
// Files: Landlock (landlock(7)). Calls: seccomp (seccomp(2)), a list of what the daemons need. A
// call that is not on the list fails with ENOSYS, as on an older kernel. A call that only an
// attacker makes (execve, ptrace and the like) kills the process.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace nightjar::node::process {

struct SandboxOptions {
    /// Files, and folders with all that is in them, that may be read. One that does not exist is
    /// left out.
    std::vector<std::filesystem::path> read;
    /// Folders in which files may also be created, changed and removed.
    std::vector<std::filesystem::path> write;
};

struct Sandbox {
    bool files = false;  // false: the kernel has no Landlock
    bool calls = false;  // false: the kernel has no seccomp, or this is a sanitizer's build
};

/// Cannot be undone. Call it before the process starts a thread: Landlock binds the calling thread
/// and the threads that it starts later. Forbids new privileges first, so no right is needed. Logs
/// a warning for each mechanism that the kernel lacks. Throws std::system_error if the kernel has
/// one and refuses it.
Sandbox enter_sandbox(const SandboxOptions& options);

/// For a helper (keeper.hpp), which works on what it has open: no file can be opened, no process or
/// thread started, no signal sent to another process, and no socket opened but of UDP and TCP, to
/// ask with. A new connection is never taken. Cannot be undone. Throws as enter_sandbox().
/// The daemon has logged what the kernel lacks.
Sandbox enter_narrow_sandbox();

/// For a helper that only makes TCP connections and hands them over. As enter_narrow_sandbox(), and
/// without UDP. It can read and write only messages on helper_link, which it cannot close: no byte
/// of a connection, and no option of its socket.
Sandbox enter_connecting_sandbox();

}  // namespace nightjar::node::process
