#include "sphinx/node/process/sandbox.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::node::process;

namespace {

struct Folders {
    test::TemporaryFolder all;
    std::filesystem::path own = all.path() / "own", shown = all.path() / "shown",
                          other = all.path() / "other";
    Folders() {
        for (const auto& folder : {own, shown, other}) {
            std::filesystem::create_directory(folder);
            std::ofstream{folder / "file"} << "text";
        }
    }
    SandboxOptions options() const { return {{shown}, {own}}; }
};

/// Runs `attempt` in a process with one thread, inside the sandbox. Returns how the process ended.
/// The attempt's result is its exit code.
template <class Attempt>
int inside(const Folders& folders, Attempt attempt) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto sandbox = enter_sandbox(folders.options());
        ::_exit(sandbox.files ? attempt() : 99);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

bool is_code(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

/// The error of an open; 0 if it succeeds.
int open_error(const std::filesystem::path& path, int flags) {
    return ::open(path.c_str(), flags | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

int error_of(long result) {
    return result < 0 ? errno : 0;
}

}  // namespace

TEST_CASE("sandbox: only the named files can be read, and only the named folders written") {
    const Folders f;
    CHECK(is_code(inside(f, [&] { return open_error(f.shown / "file", O_RDONLY); }), 0));
    CHECK(is_code(inside(f, [&] { return open_error(f.shown / "file", O_WRONLY); }), EACCES));
    CHECK(is_code(inside(f, [&] { return open_error(f.shown / "new", O_CREAT | O_WRONLY); }),
                  EACCES));
    CHECK(
        is_code(inside(f, [&] { return error_of(::unlink((f.shown / "file").c_str())); }), EACCES));
    CHECK(is_code(inside(f, [&] { return open_error(f.other / "file", O_RDONLY); }), EACCES));
    CHECK(is_code(inside(f, [&] { return open_error(f.other, O_RDONLY | O_DIRECTORY); }), EACCES));
    CHECK(is_code(inside(f, [&] { return open_error("/root", O_RDONLY | O_DIRECTORY); }), EACCES));
    CHECK(is_code(inside(f, [&] { return open_error("/etc/resolv.conf", O_RDONLY); }), 0));
    // Without it c-ares would draw its numbers from a weak source.
    CHECK(is_code(inside(f, [&] { return open_error("/dev/urandom", O_RDONLY); }), 0));
    CHECK(is_code(inside(f, [&] { return open_error("/etc/new-file", O_CREAT | O_WRONLY); }),
                  EACCES));
    CHECK(is_code(inside(f,
                         [&] {
                             const auto written = open_error(f.own / "new", O_CREAT | O_WRONLY);
                             if (written != 0) return written;
                             const auto from = f.own / "new", to = f.own / "file";
                             if (::rename(from.c_str(), to.c_str()) != 0) return errno;
                             return error_of(::unlink(to.c_str()));
                         }),
                  0));
}

TEST_CASE("sandbox: a control socket can be made in the own folder, and used") {
    const Folders f;
    CHECK(is_code(inside(f,
                         [&] {
                             const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
                             sockaddr_un at{};
                             at.sun_family = AF_UNIX;
                             (f.own / "s").string().copy(at.sun_path, sizeof at.sun_path - 1);
                             const auto* address = reinterpret_cast<const sockaddr*>(&at);
                             if (::bind(fd, address, sizeof at) != 0) return errno;
                             return error_of(::listen(fd, 1));
                         }),
                  0));
}

TEST_CASE("sandbox: files that do not exist do no harm") {
    Folders f;
    std::filesystem::remove_all(f.shown);
    CHECK(is_code(inside(f, [&] { return open_error(f.own / "file", O_RDONLY); }), 0));
}

// A sanitizer's build has no filter of calls.
#ifndef NIGHTJAR_SANITIZED

namespace {

bool is_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

}  // namespace

TEST_CASE("sandbox: what only an attacker calls kills the process") {
    const Folders f;
    char program[] = "/bin/true";
    char* const arguments[] = {program, nullptr};
    CHECK(is_killed(inside(f, [&] { return ::execve(program, arguments, nullptr); })));
    CHECK(is_killed(inside(f, [] { return static_cast<int>(::ptrace(PTRACE_TRACEME, 0, 0, 0)); })));
    CHECK(is_killed(inside(f, [] { return ::unshare(CLONE_NEWNET); })));
    CHECK(is_killed(inside(f, [] { return ::setuid(::getuid()); })));
}

TEST_CASE("sandbox: whether the clock is kept right can be read") {
    const Folders f;
    CHECK(is_code(inside(f,
                         [] {
                             ::timex state{};
                             return error_of(::adjtimex(&state));
                         }),
                  0));
}

TEST_CASE("sandbox: threads start, processes do not") {
    const Folders f;
    CHECK(is_code(inside(f,
                         [] {
                             int result = 1;
                             std::thread{[&] { result = 0; }}.join();
                             return result;
                         }),
                  0));
    CHECK(is_code(inside(f, [] { return error_of(::fork()); }), ENOSYS));
    CHECK(is_code(inside(f, [] { return error_of(::vfork()); }), ENOSYS));
}

TEST_CASE("sandbox: only the sockets that a daemon needs") {
    const Folders f;
    struct Case {
        int family, type, protocol, error;
    };
    for (const auto& c :
         {Case{AF_INET, SOCK_STREAM, 0, 0}, Case{AF_INET6, SOCK_DGRAM, 0, 0},
          Case{AF_UNIX, SOCK_STREAM, 0, 0}, Case{AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, 0},
          Case{AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, ENOSYS},
          Case{AF_PACKET, SOCK_RAW, 0, ENOSYS}}) {
        const auto status =
            inside(f, [&] { return error_of(::socket(c.family, c.type, c.protocol)); });
        CHECK_MESSAGE(is_code(status, c.error), c.family, " ", c.protocol);
    }
}

TEST_CASE("sandbox: nothing can be typed into the terminal") {
    const Folders f;
    CHECK(is_code(inside(f, [] { return error_of(::ioctl(0, TIOCSTI, "x")); }), ENOSYS));
    int waiting = 0;
    CHECK(is_code(inside(f,
                         [&] {
                             int ends[2];
                             if (::pipe2(ends, 0) != 0) return errno;
                             return error_of(::ioctl(ends[0], FIONREAD, &waiting));
                         }),
                  0));
}

TEST_CASE("sandbox: it is in force for threads, and no new privileges come") {
    const Folders f;
    CHECK(is_code(inside(f,
                         [&] {
                             int error = 0;
                             std::thread{[&] { error = open_error(f.other / "file", 0); }}.join();
                             return error;
                         }),
                  EACCES));
    CHECK(is_code(inside(f,
                         [] {
                             std::ifstream status{"/proc/self/status"};
                             int found = 0;
                             for (std::string line; std::getline(status, line);)
                                 if (line == "NoNewPrivs:\t1" || line == "Seccomp:\t2") ++found;
                             return found;
                         }),
                  2));
}

#endif
