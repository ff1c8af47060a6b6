// An exit follows its host's addresses, also after a moment without file descriptors.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/support/exit_conversation.hpp"

using namespace nightjar;
using namespace nightjar::test;

namespace {

constexpr const char* added = "11.22.33.44";

enum Outcome { refused, no_namespace, no_network, no_address, refused_before, not_refused };

/// An interface request about `name`; `fd` is any socket.
bool change(int fd, const char* name, unsigned long what, ifreq request = {}) {
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return ::ioctl(fd, what, &request) == 0;
}

bool raise_loopback(int fd) {
    ifreq request{};
    request.ifr_flags = IFF_UP;
    return change(fd, "lo", SIOCSIFFLAGS, request);
}

bool add_address(int fd) {
    ifreq request{};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    ::inet_pton(AF_INET, added, &at.sin_addr);
    std::memcpy(&request.ifr_addr, &at, sizeof at);
    return change(fd, "lo:1", SIOCSIFADDR, request);
}

/// A process with as few descriptors as it may have: it can open no further one.
class NoDescriptors {
 public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{0, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
    rlimit before_{};
};

/// In a network of its own, where an address comes while no list of addresses can be read.
Outcome follow_without_descriptors() {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return no_namespace;
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!raise_loopback(fd)) return no_network;
    Conversation talk{"accept *:*"};
    if (talk.reset_of(talk.open(added, 9)) == ResetReason::refused_by_policy) return refused_before;
    {
        const NoDescriptors none;
        if (!add_address(fd)) return no_address;
        talk.pass(1500ms);  // the watch waits for a second, then the list is read
    }
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
        if (talk.reset_of(talk.open(added, 9)) == ResetReason::refused_by_policy) ::_exit(refused);
        talk.pass(100ms);
    }
    ::_exit(not_refused);
}

}  // namespace

TEST_CASE("exit: an address that comes while no descriptor is left is refused a little later") {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(follow_without_descriptors());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == refused);
}
