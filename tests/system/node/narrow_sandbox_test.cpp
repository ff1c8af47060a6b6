// A helper's sandbox: what is left to one that is taken over.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
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

#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/sandbox.hpp"

using namespace nightjar::node::process;

namespace {

/// Runs `attempt` in a process with one thread, inside the sandbox. Returns how the process ended.
/// The attempt's result is its exit code.
template <class Attempt>
int inside(Attempt attempt, Sandbox (*enter)() = enter_narrow_sandbox) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto sandbox = enter();
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
#ifndef NIGHTJAR_SANITIZED

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
          Case{AF_INET, SOCK_STREAM, 0, 0}, Case{AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0},
          Case{AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0}, Case{AF_INET, SOCK_RAW, 1, ENOSYS},
          Case{AF_INET, SOCK_STREAM, IPPROTO_SCTP, ENOSYS},
          Case{AF_INET, SOCK_STREAM, IPPROTO_MPTCP, ENOSYS},
          Case{AF_INET, SOCK_DGRAM, IPPROTO_ICMP, ENOSYS}, Case{AF_UNIX, SOCK_STREAM, 0, ENOSYS},
          Case{AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, ENOSYS},
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

namespace {

/// In the sandbox of a helper that connects: a connection, and a link to write to and read from.
/// `attempt` gets the connection's descriptor.
template <class Attempt>
int connected(Attempt attempt) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    const auto status = inside(
        [&] {
            const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
            if (::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
                return 98;
            return attempt(socket);
        },
        [] {
            std::array<int, 2> ends{};
            if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) ::_exit(97);
            ::dup2(ends[0], helper_link);
            return enter_connecting_sandbox();
        });
    ::close(listener);
    return status;
}

int send_on(int descriptor) {
    char byte = 'x';
    iovec text{&byte, 1};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    return error_of(::sendmsg(descriptor, &message, MSG_NOSIGNAL));
}

}  // namespace

TEST_CASE("connecting sandbox: it connects, and reads and writes nothing of what it connects") {
    char byte = 'x';
    CHECK(is_code(connected([](int) { return send_on(helper_link); }), 0));
    CHECK(is_code(connected([](int socket) { return send_on(socket); }), ENOSYS));
    CHECK(is_code(connected([&](int socket) { return error_of(::write(socket, &byte, 1)); }),
                  ENOSYS));
    CHECK(is_code(connected([&](int socket) { return error_of(::send(socket, &byte, 1, 0)); }),
                  ENOSYS));
    CHECK(
        is_code(connected([&](int socket) { return error_of(::read(socket, &byte, 1)); }), ENOSYS));
    CHECK(is_code(connected([&](int socket) { return error_of(::recv(socket, &byte, 1, 0)); }),
                  ENOSYS));
    CHECK(is_code(connected([](int socket) {
                      msghdr message{};
                      return error_of(::recvmsg(socket, &message, MSG_DONTWAIT));
                  }),
                  ENOSYS));
    int on = 1;
    CHECK(is_code(connected([&](int socket) {
                      return error_of(
                          ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
                  }),
                  ENOSYS));
    CHECK(is_code(connected([&](int socket) {
                      socklen_t size = sizeof on;
                      return error_of(::getsockopt(socket, SOL_SOCKET, SO_TYPE, &on, &size));
                  }),
                  ENOSYS));
}

// What the filter cannot refuse: it does not see which address a connect() names. So a process that
// is taken over can lead a connection that it has handed over elsewhere (decision 0079).
TEST_CASE("connecting sandbox: a connection can be led elsewhere, which no filter sees") {
    CHECK(is_code(connected([](int socket) {
                      sockaddr_in at{};  // AF_UNSPEC: the connection ends, and the socket stays
                      return error_of(
                          ::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at));
                  }),
                  0));
}

TEST_CASE("connecting sandbox: no other socket takes the place of its link") {
    CHECK(is_code(connected([](int socket) { return error_of(::close(socket)); }), 0));
    CHECK(is_code(connected([](int) { return error_of(::close(helper_link)); }), ENOSYS));
    // The kernel looks at the low 32 bits only.
    constexpr long same = (1L << 32) + helper_link;
    CHECK(is_code(connected([](int) { return error_of(::syscall(SYS_close, same)); }), ENOSYS));
    CHECK(is_code(connected([](int socket) { return error_of(::dup2(socket, helper_link)); }),
                  ENOSYS));
    CHECK(is_code(connected([](int socket) { return error_of(::fcntl(socket, F_DUPFD, 0)); }),
                  ENOSYS));
    CHECK(
        is_code(connected([](int) { return error_of(::socket(AF_INET, SOCK_DGRAM, 0)); }), ENOSYS));
    CHECK(is_code(connected([](int) { return error_of(::open("/dev/null", O_RDONLY)); }), ENOSYS));
    CHECK(is_code(
        connected([](int) { return error_of(::socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)); }),
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
