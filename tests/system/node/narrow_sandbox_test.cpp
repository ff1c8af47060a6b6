// A helper's sandbox: what is left to one that is taken over.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "sphinx/node/process/sandbox.hpp"

using namespace nightjar::node::process;

namespace {

/// Runs `attempt` in a process with one thread, inside the sandbox. Returns how the process ended.
/// The attempt's result is its exit code.
template <class Attempt>
int inside(Attempt attempt) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto sandbox = enter_narrow_sandbox();
        ::_exit(sandbox.files ? attempt() : 99);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

bool is_code(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

int error_of(long result) {
    return result < 0 ? errno : 0;
}

}  // namespace

// A sanitizer's build has no filter of calls: there Landlock alone refuses.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

TEST_CASE("narrow sandbox: no file can be opened, also none that all may read") {
    for (const auto* path : {"/dev/urandom", "/etc/resolv.conf", "/proc/self/mem", "/dev/null"}) {
        CHECK(is_code(inside([&] { return error_of(::open(path, O_RDONLY)); }), ENOSYS));
        CHECK(
            is_code(inside([&] { return error_of(::syscall(SYS_open, path, O_RDONLY)); }), ENOSYS));
    }
    CHECK(is_code(inside([] { return error_of(::unlink("/nothing-is-here")); }), ENOSYS));
}

TEST_CASE("narrow sandbox: sockets to ask with, and no others") {
    struct Case {
        int family, type, protocol, error;
    };
    for (const auto& c :
         {Case{AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0},
          Case{AF_INET, SOCK_STREAM, 0, 0}, Case{AF_INET, SOCK_RAW, 1, ENOSYS},
          Case{AF_UNIX, SOCK_STREAM, 0, ENOSYS}, Case{AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, ENOSYS},
          Case{AF_PACKET, SOCK_RAW, 0, ENOSYS}}) {
        const auto status =
            inside([&] { return error_of(::socket(c.family, c.type, c.protocol)); });
        CHECK_MESSAGE(is_code(status, c.error), c.family, " ", c.type);
    }
    CHECK(is_code(inside([] {
                      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
                      return error_of(::listen(fd, 1));
                  }),
                  ENOSYS));
}

TEST_CASE("narrow sandbox: no other process is reached, and none is started") {
    const auto parent = ::getpid();
    CHECK(is_code(inside([&] { return error_of(::kill(parent, 0)); }), ENOSYS));
    CHECK(is_code(inside([&] { return error_of(::syscall(SYS_tgkill, parent, parent, 0)); }),
                  ENOSYS));
    CHECK(is_code(inside([&] { return error_of(::syscall(SYS_pidfd_open, parent, 0)); }), ENOSYS));
    // The kernel would signal the owner of a descriptor.
    CHECK(is_code(inside([&] { return error_of(::fcntl(0, F_SETOWN, parent)); }), ENOSYS));
    CHECK(is_code(inside([&] { return error_of(::fcntl(0, F_SETSIG, SIGKILL)); }), ENOSYS));
    CHECK(is_code(inside([] { return error_of(::fork()); }), ENOSYS));
    CHECK(is_code(inside([] {
                      try {
                          std::thread{[] {}}.join();
                      } catch (const std::exception&) {
                          return 7;
                      }
                      return 0;
                  }),
                  7));
    char program[] = "/bin/true";
    char* const arguments[] = {program, nullptr};
    const auto killed = inside([&] { return ::execve(program, arguments, nullptr); });
    CHECK((WIFSIGNALED(killed) && WTERMSIG(killed) == SIGSYS));
    CHECK(is_code(inside([] { return error_of(::ioctl(0, TIOCSTI, "x")); }), ENOSYS));
}

TEST_CASE("narrow sandbox: memory can be had, and none that can be run") {
    const auto map = [](int rights) {
        return ::mmap(nullptr, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    CHECK(
        is_code(inside([&] { return map(PROT_READ | PROT_WRITE) == MAP_FAILED ? errno : 0; }), 0));
    CHECK(is_code(inside([&] { return map(PROT_READ | PROT_EXEC) == MAP_FAILED ? errno : 0; }),
                  ENOSYS));
    CHECK(is_code(inside([&] {
                      void* const place = map(PROT_READ | PROT_WRITE);
                      return error_of(::mprotect(place, 4096, PROT_READ | PROT_EXEC));
                  }),
                  ENOSYS));
}

TEST_CASE("narrow sandbox: a fault still ends it by abort()") {
    const auto status = inside([]() -> int {
        std::signal(SIGABRT, SIG_DFL);  // doctest's handler is inherited
        std::abort();
    });
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

#else

TEST_CASE("narrow sandbox: no file can be opened, also none that all may read") {
    for (const auto* path : {"/dev/urandom", "/etc/passwd"})
        CHECK(is_code(inside([&] { return error_of(::open(path, O_RDONLY)); }), EACCES));
}

#endif
